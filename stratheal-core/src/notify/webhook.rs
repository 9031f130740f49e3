//! [`WebhookNotifier`]: a signed POST. Source: Standard Webhooks 1.0.

use std::fmt;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::signature;
use crate::base::class::ErrorClass;
use crate::base::redact::Secret;
use crate::contract::{Notifier, NotifyError};
use crate::fetch::{InvalidTransport, Transport, TransportSettings};
use crate::model::notification::Notification;

/// Sends each message as JSON to a URL. 2xx means that it was taken; 408, 429, 5xx and a connection that fails are tried again; everything
/// else is not, because it would be the same. Redirects are not followed.
///
/// With a secret, the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` are those of Standard Webhooks, so that any
/// library for it can check them. The URL is a secret, too: whoever knows it can send.
///
/// # Example
/// ```
/// use stratheal_core::base::redact::Secret;
/// use stratheal_core::contract::Notifier;
/// use stratheal_core::fetch::TransportSettings;
/// use stratheal_core::notify::WebhookNotifier;
/// let url = Secret::new("http://127.0.0.1:9000/hook/abc".to_owned());
/// let notifier = WebhookNotifier::new("team", &url, None, TransportSettings::default())?;
/// assert_eq!(notifier.name(), "team");
/// assert!(!format!("{notifier:?}").contains("abc"));
/// # Ok::<(), stratheal_core::notify::InvalidWebhook>(())
/// ```
pub struct WebhookNotifier {
    name: String,
    url: Url,
    key: Option<Secret<Vec<u8>>>,
    transport: Transport,
}

impl fmt::Debug for WebhookNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookNotifier").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why a web hook cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidWebhook {
    /// The URL is none. It is not shown, because it is a secret.
    #[error("its URL is no absolute http: or https: URL")]
    Url,
    /// The secret is none.
    #[error("its secret begins with whsec_, and what follows is no base64")]
    Secret,
    /// A proxy or a certificate cannot be used.
    #[error(transparent)]
    Transport(#[from] InvalidTransport),
}

impl WebhookNotifier {
    /// A web hook.
    ///
    /// # Errors
    /// [`InvalidWebhook`].
    pub fn new(
        name: impl Into<String>,
        url: &Secret<String>,
        secret: Option<&Secret<String>>,
        settings: TransportSettings,
    ) -> Result<Self, InvalidWebhook> {
        let url = web_url(url)?;
        let key = match secret {
            Some(secret) => Some(Secret::new(signature::key(secret.expose()).ok_or(InvalidWebhook::Secret)?)),
            None => None,
        };
        Ok(Self { name: name.into(), url, key, transport: Transport::new(settings)? })
    }

    fn headers(&self, message: &Notification, body: &[u8]) -> Result<HeaderMap, NotifyError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let id = format!("stratheal-{}-{}", message.at.as_millisecond(), message.id);
        let timestamp = message.at.as_second().to_string();
        let mut texts = vec![("webhook-id", id.clone()), ("webhook-timestamp", timestamp.clone())];
        if let Some(key) = &self.key {
            texts.push(("webhook-signature", signature::sign(key.expose(), &id, &timestamp, body)));
        }
        for (name, value) in texts {
            let value = HeaderValue::from_str(&value);
            let value = value.map_err(|error| NotifyError::new(&self.name, ErrorClass::Bug, error))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

/// A URL that may be asked.
pub(super) fn web_url(url: &Secret<String>) -> Result<Url, InvalidWebhook> {
    let url: Url = url.expose().trim().parse().map_err(|_| InvalidWebhook::Url)?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() { Ok(url) } else { Err(InvalidWebhook::Url) }
}

#[async_trait]
impl Notifier for WebhookNotifier {
    fn name(&self) -> &str {
        &self.name
    }

    async fn notify(&self, message: &Notification) -> Result<(), NotifyError> {
        let wrong = |class: ErrorClass, why: String| NotifyError::new(&self.name, class, why);
        let body = serde_json::to_vec(message).map_err(|error| wrong(ErrorClass::Bug, error.to_string()))?;
        let headers = self.headers(message, &body)?;
        let answer = self.transport.post(&self.url, headers, body).await;
        let answer = answer.map_err(|failure| wrong(ErrorClass::Transient, format!("the server {}", failure.text)))?;
        let said = format!("the server answered {}", answer.status);
        match answer.status {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500..=599 => {
                Err(NotifyError { retry_after: answer.retry_after, ..wrong(ErrorClass::Transient, said) })
            }
            401 | 403 => Err(wrong(ErrorClass::Denied, said)),
            _ => Err(wrong(ErrorClass::Permanent, said)),
        }
    }
}
