//! The rules of the Kubernetes kubelet for a readiness probe.
//!
//! Written from the manual ("Configure Liveness, Readiness and Startup Probes") and checked against what the kubelet's probe
//! worker does: runs of equal results are counted, below a threshold the old state stands, a probe that could not be carried
//! out is thrown away, and a container is not ready until its first successes. A degraded answer (Warning) is a success: a probe
//! knows two outcomes. An alert is what a person would set up on it: the condition `Ready` turning false.

use stratheal_core::model::Status;

use crate::rule::{Rule, Settings, Told};

pub(crate) struct Kubernetes {
    failure_threshold: u32,
    success_threshold: u32,
    last: Option<bool>,
    run: u32,
    ready: bool,
    was_ready: bool,
}

impl Kubernetes {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            failure_threshold: settings.window.map_or(settings.fail, |(bad, _)| u32::from(bad)),
            success_threshold: settings.recover,
            last: None,
            run: 0,
            ready: false,
            was_ready: false,
        }
    }
}

impl Rule for Kubernetes {
    fn take(&mut self, result: Status, _parent_is_down: bool) -> Option<Told> {
        if result == Status::Unknown {
            return None;
        }
        let success = result != Status::Critical;
        self.run = if self.last == Some(success) { self.run + 1 } else { 1 };
        self.last = Some(success);
        let threshold = if success { self.success_threshold } else { self.failure_threshold };
        if self.run < threshold || self.ready == success {
            return None;
        }
        self.ready = success;
        let before = std::mem::replace(&mut self.was_ready, true);
        before.then_some(if success { Told::Over } else { Told::Problem })
    }
}

#[test]
fn follows_the_manual() {
    use crate::recording::results;
    use crate::rule::replay;
    let told =
        |fail, recover, text| replay(&mut Kubernetes::new(Settings { fail, recover, window: None }), &results(text));
    assert_eq!(told(3, 1, "h1 c2 h1 c3 h1"), [(6, Told::Problem), (7, Told::Over)]);
    // Not ready at first, which is no change; probes that could not be carried out do not count.
    assert_eq!(told(3, 1, "c9 h1"), []);
    assert_eq!(told(2, 2, "h2 c1 u5 c1 h1 u1 h1"), [(8, Told::Problem), (11, Told::Over)]);
    assert_eq!(told(1, 1, "h1 w5"), [], "a degraded answer is a success");
}
