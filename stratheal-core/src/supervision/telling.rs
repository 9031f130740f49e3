//! Who is told what a healer has to say: whoever watches, the notifiers of the configuration, and the watchdog.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, NotifierSettings, NotifierWay};
use crate::contract::{Notifier, NotifyError};
use crate::engine::EngineHandle;
use crate::healing::{HealerHandle, Tell};
use crate::model::notification::{Notification, NotificationKind};
use crate::notify::{CommandNotifier, DeadMansSwitch, Delivery, DeliveryHandle, InvalidWebhook, WebhookNotifier};
use crate::workspace::plain_connections;
use async_trait::async_trait;

use super::Say;

/// How long parts of the monitor may take to say that they live.
const ANSWER: Duration = Duration::from_millis(500);

/// A notifier that is told of some kinds of messages only.
#[derive(Debug)]
struct OnlyKinds {
    notifier: Box<dyn Notifier>,
    kinds: Vec<NotificationKind>,
}

#[async_trait]
impl Notifier for OnlyKinds {
    fn name(&self) -> &str {
        self.notifier.name()
    }

    async fn notify(&self, message: &Notification) -> Result<(), NotifyError> {
        if self.kinds.is_empty() || self.kinds.contains(&message.kind) {
            return self.notifier.notify(message).await;
        }
        Ok(())
    }
}

/// Where messages go: whoever watches, and everybody who is configured. What they have not taken lies in the state folder.
pub(super) fn begin(config: &Config, state: &Path, say: Say) -> Result<(Tell, Option<DeliveryHandle>), InvalidWebhook> {
    let notifiers = config.notify.iter().map(|settings| notifier(config, settings)).collect::<Result<Vec<_>, _>>()?;
    let delivery = (!notifiers.is_empty()).then(|| Delivery::new(&state.join("outbox.json"), notifiers).start());
    let handle = delivery.clone();
    let tell = move |message: Notification| {
        say(format!("* {}", message.title));
        if let Some(delivery) = &delivery {
            delivery.tell(message);
        }
    };
    Ok((Arc::new(tell), handle))
}

fn notifier(config: &Config, settings: &NotifierSettings) -> Result<Box<dyn Notifier>, InvalidWebhook> {
    let notifier: Box<dyn Notifier> = match &settings.way {
        NotifierWay::Command { argv, folder } => {
            Box::new(CommandNotifier::new(&settings.name, argv, Some(folder.clone())))
        }
        NotifierWay::Webhook { url, secret } => {
            let transport = plain_connections(&config.index, &|name| std::env::var(name).ok());
            Box::new(WebhookNotifier::new(&settings.name, url, secret.as_ref(), transport)?)
        }
    };
    Ok(Box::new(OnlyKinds { notifier, kinds: settings.kinds.clone() }))
}

/// Calls the watchdog while the scheduler and the healer live, and what is done can be written down. `None` where none is wanted.
pub(super) fn watchdog(
    config: &Config,
    engine: &EngineHandle,
    healer: &HealerHandle,
) -> Result<Option<impl Future<Output = ()> + Send + use<>>, InvalidWebhook> {
    let Some(settings) = &config.watchdog else { return Ok(None) };
    let transport = plain_connections(&config.index, &|name| std::env::var(name).ok());
    let switch = DeadMansSwitch::new(&settings.url, settings.interval, transport)?;
    let (engine, healer) = (engine.clone(), healer.clone());
    Ok(Some(async move {
        switch
            .run(|| async {
                engine.responds(ANSWER).await && healer.responds(ANSWER).await && healer.view().trouble.is_none()
            })
            .await;
    }))
}
