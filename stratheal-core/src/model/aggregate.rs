//! Many statuses into one.

use super::Status;

/// One check's part in an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What the check says.
    pub status: Status,
    /// Whether a Critical of this member makes the whole Critical; otherwise it counts as a Warning.
    pub required: bool,
}

/// How statuses are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Aggregation {
    /// The worst of all, where Critical is worse than Warning, Warning than Unknown, Unknown than Healthy.
    #[default]
    Worst,
    /// Healthy while at least `healthy` members are Healthy or Warning, else Critical: for redundant parts.
    Quorum {
        /// How many must work.
        healthy: usize,
    },
}

impl Aggregation {
    /// Combines the members. Nothing at all is Unknown: no data never passes a gate.
    ///
    /// ```
    /// use stratheal_core::model::{Status, aggregate::{Aggregation, Member}};
    /// let optional = Member { status: Status::Critical, required: false };
    /// let fine = Member { status: Status::Healthy, required: true };
    /// assert_eq!(Aggregation::Worst.combine([optional, fine]), Status::Warning);
    /// assert_eq!(Aggregation::Worst.combine([]), Status::Unknown);
    /// ```
    pub fn combine(self, members: impl IntoIterator<Item = Member>) -> Status {
        match self {
            Self::Worst => members.into_iter().map(Member::capped).reduce(worse).unwrap_or_default(),
            Self::Quorum { healthy } => {
                let (mut working, mut known, mut all) = (0, 0, 0);
                for member in members {
                    all += 1;
                    known += usize::from(member.status.is_known());
                    working += usize::from(matches!(member.status, Status::Healthy | Status::Warning));
                }
                if all == 0 {
                    Status::Unknown
                } else if working == all {
                    Status::Healthy
                } else if working >= healthy {
                    Status::Warning
                } else if working + (all - known) >= healthy {
                    // Those that could not be measured might make the quorum: that is not known to be broken.
                    Status::Unknown
                } else {
                    Status::Critical
                }
            }
        }
    }
}

impl Member {
    fn capped(self) -> Status {
        match self.status {
            Status::Critical if !self.required => Status::Warning,
            status => status,
        }
    }
}

/// The worse of two: Critical, then Warning, then Unknown, then Healthy.
#[must_use]
pub fn worse(a: Status, b: Status) -> Status {
    const fn rank(status: Status) -> u8 {
        match status {
            Status::Healthy => 0,
            Status::Unknown => 1,
            Status::Warning => 2,
            Status::Critical => 3,
        }
    }
    if rank(b) > rank(a) { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(status: Status) -> Member {
        Member { status, required: true }
    }

    #[test]
    fn worst_follows_the_documented_order() {
        use Status::{Critical, Healthy, Unknown, Warning};
        for (members, expected) in [
            (vec![Healthy, Healthy], Healthy),
            (vec![Healthy, Unknown], Unknown),
            (vec![Unknown, Warning], Warning),
            (vec![Warning, Critical, Unknown], Critical),
        ] {
            assert_eq!(Aggregation::Worst.combine(members.iter().copied().map(required)), expected, "{members:?}");
        }
    }

    #[test]
    fn a_quorum_tells_broken_from_not_known() {
        use Status::{Critical, Healthy, Unknown, Warning};
        let quorum = Aggregation::Quorum { healthy: 2 };
        for (members, expected) in [
            (vec![Healthy, Warning, Healthy], Healthy),
            (vec![Healthy, Warning, Critical], Warning),
            (vec![Healthy, Unknown, Critical], Unknown),
            (vec![Healthy, Critical, Critical], Critical),
            (vec![], Unknown),
        ] {
            assert_eq!(quorum.combine(members.iter().copied().map(required)), expected, "{members:?}");
        }
    }
}
