//! What the members of a source said about a project, as it is kept on disk.
//!
//! Each member's answer is kept by itself, with its own validators: "unchanged" from one member says nothing about the page of
//! another. What they say together is merged anew whenever it is read.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::freshness;
use super::sent::Sent;
use crate::index::{Answer, MemberAnswer, ProjectPage, Source, Trust};

/// Everything known about one project of one source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Record {
    pub(super) members: Vec<MemberRecord>,
}

/// The last answer of one member.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MemberRecord {
    /// Its base URL.
    pub(super) member: Url,
    /// Whether it was believed about pages then.
    pub(super) is_believed: bool,
    pub(super) said: Said,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    /// When it said so last.
    pub(super) at: Timestamp,
    /// How long that may be used without asking again.
    pub(super) fresh_for: Duration,
}

/// What a member said.
#[derive(Debug, Clone)]
pub(super) enum Said {
    /// A page, and how it was sent.
    Page(Arc<ProjectPage>, Sent),
    /// 404.
    Missing,
}

impl MemberRecord {
    /// A time in the future is no freshness: the clock was set back.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        let for_ = SignedDuration::try_from(self.fresh_for.min(freshness::LONGEST)).unwrap_or_default();
        age >= SignedDuration::ZERO && age < for_
    }
}

impl Record {
    /// Takes a newer answer of a member in place of its older one.
    pub(super) fn put(&mut self, new: MemberRecord) {
        match self.members.iter_mut().find(|known| known.member == new.member) {
            Some(known) if known.at > new.at => {}
            Some(known) => *known = new,
            None => self.members.push(new),
        }
    }

    /// Takes over what another record knows better.
    pub(super) fn absorb(&mut self, other: Self) {
        other.members.into_iter().for_each(|member| self.put(member));
    }

    pub(super) fn of(&self, member: &Url) -> Option<&MemberRecord> {
        self.members.iter().find(|known| known.member == *member)
    }

    /// What the configured members said, in their order, ready to be merged.
    ///
    /// A member that was configured earlier counts only when none of today's believed ones ever answered: so an offline machine can
    /// use another mirror's page of the same source, and a mirror that was thrown out is not listened to any more.
    pub(super) fn answers(&self, source: &Source) -> Vec<MemberAnswer> {
        let configured = source.members.iter().map(|member| MemberAnswer {
            url: member.url.clone(),
            trust: member.trust,
            answer: self
                .of(&member.url)
                .map_or_else(|| Answer::Failed("has not answered yet".to_owned()), |known| known.said.to_answer()),
        });
        let mut answers: Vec<_> = configured.collect();
        let is_known =
            |answer: &MemberAnswer| answer.trust == Trust::Pages && !matches!(answer.answer, Answer::Failed(_));
        if !answers.iter().any(is_known) {
            let former = self.members.iter().filter(|known| known.is_believed && !is_listed(source, &known.member));
            answers.retain(|answer| answer.trust == Trust::Files);
            answers.extend(former.map(|known| MemberAnswer {
                url: known.member.clone(),
                trust: Trust::Pages,
                answer: known.said.to_answer(),
            }));
        }
        answers
    }

    /// Whether this may be used without asking: a believed member's page is fresh, or the "no such project" of all of them is.
    pub(super) fn is_fresh(&self, source: &Source, now: Timestamp) -> bool {
        let believed =
            || source.members.iter().filter(|member| member.trust == Trust::Pages).map(|member| self.of(&member.url));
        let fresh = |known: &MemberRecord| known.is_fresh(now);
        let is_page = |known: &MemberRecord| matches!(known.said, Said::Page(..));
        believed().flatten().any(|known| is_page(known) && fresh(known))
            || believed().all(|known| known.is_some_and(|known| !is_page(known) && fresh(known)))
    }

    /// When the newest page among these came.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.members.iter().filter(|known| matches!(known.said, Said::Page(..))).map(|known| known.at).max()
    }
}

/// By what was said, not by how it was written.
impl PartialEq for Said {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Page(one, sent), Self::Page(other, also_sent)) => sent == also_sent || one == other,
            (Self::Missing, Self::Missing) => true,
            _ => false,
        }
    }
}

impl Said {
    /// What the page took when it was sent.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Page(_, sent) => sent.body.len(),
            Self::Missing => 0,
        }
    }

    fn to_answer(&self) -> Answer {
        match self {
            Self::Page(page, _) => Answer::Page(page.clone()),
            Self::Missing => Answer::Missing,
        }
    }
}

fn is_listed(source: &Source, member: &Url) -> bool {
    source.members.iter().any(|listed| listed.url == *member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Member, Merged, merge};

    fn source(members: &[(&str, Trust)]) -> Source {
        let member = |(url, trust): &(&str, Trust)| Member { url: url.parse().unwrap(), trust: *trust };
        Source {
            name: "default".to_owned(),
            members: members.iter().map(member).collect(),
            only: Vec::new(),
            immutable: true,
        }
    }

    fn said(member: &str, at: i64, fresh: u64, page: bool) -> MemberRecord {
        let name: crate::index::ProjectName = "demo".parse().unwrap();
        let page_of = || {
            let json = r#"{"meta":{"api-version":"1.0"},"name":"demo","files":[]}"#;
            let base = member.parse().unwrap();
            let sent = Sent { body: json.into(), content_type: None, base, serial: None };
            Said::Page(sent.read(&name).unwrap().0, sent)
        };
        MemberRecord {
            member: member.parse().unwrap(),
            is_believed: true,
            said: if page { page_of() } else { Said::Missing },
            etag: None,
            last_modified: None,
            at: Timestamp::from_second(at).unwrap(),
            fresh_for: Duration::from_secs(fresh),
        }
    }

    fn record(members: Vec<MemberRecord>) -> Record {
        Record { members }
    }

    const A: &str = "http://a.test/simple/";
    const B: &str = "http://b.test/simple/";

    #[test]
    fn freshness_of_several() {
        let both = source(&[(A, Trust::Pages), (B, Trust::Pages)]);
        let now = Timestamp::from_second(1000).unwrap();
        for (what, members, expected) in [
            ("nothing known", vec![], false),
            ("one fresh page", vec![said(A, 990, 20, true)], true),
            ("one old page", vec![said(A, 970, 20, true)], false),
            ("a page from the future", vec![said(A, 2000, 20, true)], false),
            ("one of two says missing", vec![said(A, 990, 20, false)], false),
            ("both say missing", vec![said(A, 990, 20, false), said(B, 990, 20, false)], true),
            ("both said missing", vec![said(A, 990, 20, false), said(B, 900, 20, false)], false),
        ] {
            assert_eq!(record(members).is_fresh(&both, now), expected, "{what}");
        }
    }

    #[test]
    fn former_members_count_only_without_others() {
        let known = record(vec![said(A, 1, 1, true)]);
        let offer = |record: &Record, source: &Source| matches!(merge(record.answers(source)), Merged::Offer(_));
        assert!(offer(&known, &source(&[(B, Trust::Pages)])), "another mirror of the same source");
        assert!(!offer(&known, &source(&[(A, Trust::Files), (B, Trust::Pages)])), "it is not believed any more");
        let mut both = known;
        both.put(said(B, 2, 1, false));
        assert!(!offer(&both, &source(&[(B, Trust::Pages)])), "the one that is left says that there is none");
    }

    #[test]
    fn the_newer_answer_stays() {
        let mut known = record(vec![said(A, 5, 1, true)]);
        known.put(said(A, 4, 1, false));
        assert!(matches!(known.members[0].said, Said::Page(..)));
        known.absorb(record(vec![said(A, 6, 1, false), said(B, 1, 1, true)]));
        assert_eq!(known.members.len(), 2);
        assert_eq!(known.members[0].said, Said::Missing);
    }
}
