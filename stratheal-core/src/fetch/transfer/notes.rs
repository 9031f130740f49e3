//! Taking note of what happened on a connection.

use std::ops::Range;

use bytes::Bytes;
use tokio::time::Instant;

use super::head::{self, Asked, Head, Use};
use super::lane::{Happened, Lane};
use super::state::{SizeFrom, Transfer};
use crate::fetch::FetchError;
use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::totals::Count;
use crate::fetch::transport::{Answer, Ask, Body};
use crate::objects::{Sent, Validators};

/// So many bytes are handed to the disk at once, of all connections together. They are lost when the process is killed.
const FLUSH: u64 = 128 * 1024;

impl Transfer {
    pub(super) fn take_note(&mut self, index: usize, happened: Happened, now: Instant) -> Result<(), FetchError> {
        match happened {
            Happened::Entered(turn) => {
                let ask = self.question(index);
                let lane = &mut self.lanes[index];
                lane.ask(turn, &self.shared.transport, &self.places[lane.place].location, ask);
                self.lanes[index].due = Some(now + self.pace_of(index, now).patience_for_head());
                Ok(())
            }
            Happened::Answered(Ok(answer)) => self.answered(index, answer, now),
            Happened::Chunk(body, Ok(Some(bytes))) => self.received(index, body, &bytes, now),
            Happened::Chunk(_, Ok(None)) => self.ended(index, now),
            Happened::Answered(Err(failure)) | Happened::Chunk(_, Err(failure)) => self.fail(index, &failure, now),
        }
    }

    /// What a connection asks for. The whole from the first byte on is asked for without a range: every server knows that.
    fn question(&mut self, index: usize) -> Ask {
        let total = self.size();
        let if_range = if self.wanted.expected.is_none() { self.validator() } else { None };
        let lane = &mut self.lanes[index];
        let to_the_end = lane.end.is_none() || lane.end == total;
        let plain = lane.at == 0 && to_the_end;
        let end = lane.end.filter(|_| !to_the_end);
        lane.asked = Asked { start: (!plain).then_some(lane.at), end, total };
        let range = (!plain).then(|| (lane.at, end.map(|end| end.saturating_sub(1))));
        Ask { range, if_range, head_within: self.shared.deadline, ..Ask::default() }
    }

    fn answered(&mut self, index: usize, answer: Answer, now: Instant) -> Result<(), FetchError> {
        let lane = &self.lanes[index];
        let (place, from) = (lane.place, lane.at);
        let head = Head {
            status: answer.status,
            length: answer.content_length(),
            content_range: answer.header("content-range"),
            content_type: answer.header("content-type"),
            content_encoding: answer.header("content-encoding"),
        };
        // Others may have learned the size since this one asked.
        let asked = Asked { total: self.size(), ..lane.asked };
        match head::judge(&asked, &head) {
            Use::Body { end, total, .. } => {
                let index = self.first_answer_wins(index);
                self.welcome(index, &answer, now);
                let from_range = answer.status == 206;
                self.learn_size(total, if from_range { SizeFrom::Range } else { SizeFrom::Head });
                let lane = &mut self.lanes[index];
                if lane.end.is_none() {
                    lane.end = total;
                }
                lane.body_end = end;
                lane.receive(answer.body, now);
                self.grow_at_once(now);
                Ok(())
            }
            Use::WholeInstead { total } => {
                self.has_no_ranges(place);
                self.whole_instead(index, answer, total, now)
            }
            Use::NoRanges(why) => {
                self.has_no_ranges(place);
                self.fail(index, &Failure::new(FailureKind::Malformed, why), now)
            }
            Use::OtherFile(why) => {
                // A broken answer is had again; what stays so is another file.
                let place = &mut self.places[place];
                place.other_sizes += 1;
                let kind = if place.has_other_size() { FailureKind::Content } else { FailureKind::Malformed };
                self.fail(index, &Failure::new(kind, why), now)
            }
            Use::NothingThere(total) => {
                if self.trial.tail_asked && total.is_none_or(|total| total == from) {
                    // It was the whole after all.
                    self.total = Some((from, SizeFrom::Range));
                    self.lanes.remove(index);
                    return Ok(());
                }
                self.has_no_ranges(place);
                let why = format!("has nothing at byte {from}");
                self.fail(index, &Failure::new(FailureKind::Malformed, why), now)
            }
            Use::Status(_) => {
                let failure = answer.status_failure(self.shared.now());
                self.fail(index, &failure, now)
            }
        }
    }

    /// Without a hash nothing shows that two servers have the same file: then the one that answers first brings all of it.
    fn first_answer_wins(&mut self, index: usize) -> usize {
        if self.wanted.expected.is_some() || !self.present.is_empty() {
            return index;
        }
        let id = self.lanes[index].id;
        self.lanes.retain(|lane| lane.id == id);
        0
    }

    /// A usable answer: the member is well, and says what it has.
    fn welcome(&mut self, index: usize, answer: &Answer, now: Instant) {
        let lane = &self.lanes[index];
        let place = &self.places[lane.place];
        self.shared.answered(&place.location.member, lane.latency(now));
        if self.present.is_empty() {
            let text = |name| answer.header(name).map(str::to_owned);
            let total = answer.content_length().filter(|_| answer.status == 200).or(self.size());
            self.validators = Validators {
                total,
                etag: text("etag"),
                last_modified: text("last-modified"),
                from: Some(place.name.clone()),
            };
            // For content that is known, only the size is of use later, where the index does not give it.
            if self.wanted.expected.is_none() || self.wanted.size.is_none() {
                self.landing.identify(self.validators.clone());
            }
        }
    }

    fn learn_size(&mut self, total: Option<u64>, from: SizeFrom) {
        if self.total.is_some_and(|(_, known)| known != SizeFrom::Head || from != SizeFrom::Range) {
            return;
        }
        if let Some(total) = total {
            self.total = Some((total, from));
            self.arriving.tell(|status| status.size = Some(total));
            for lane in &mut self.lanes {
                lane.end.get_or_insert(total);
            }
        }
    }

    fn has_no_ranges(&self, place: usize) {
        self.habits.learn(&self.places[place].name, |habit| habit.no_ranges = true);
    }

    /// Everything comes from the first byte on, though the rest was asked for.
    fn whole_instead(
        &mut self,
        index: usize,
        answer: Answer,
        total: Option<u64>,
        now: Instant,
    ) -> Result<(), FetchError> {
        let (place, from) = (self.lanes[index].place, self.lanes[index].at);
        let elsewhere = (0..self.places.len()).any(|other| other != place && self.may_continue(other, from));
        if self.wanted.expected.is_some() && (elsewhere || self.trial.tail_asked) {
            return self.fail(index, &Failure::new(FailureKind::Malformed, "does not know ranges"), now);
        }
        let mut lane = self.lanes.remove(index);
        if self.wanted.expected.is_none() {
            // It is another file now, or there is no way to tell: what is there does not belong to it.
            self.start_over();
        } else {
            self.lanes.retain(|other| other.place != place);
        }
        (lane.start, lane.at, lane.end, lane.body_end) = (0, 0, total, total);
        lane.asked = Asked { total, ..Asked::default() };
        self.lanes.push(lane);
        let index = self.lanes.len() - 1;
        self.welcome(index, &answer, now);
        self.learn_size(total, SizeFrom::Head);
        self.lanes[index].receive(answer.body, now);
        Ok(())
    }

    fn received(&mut self, index: usize, body: Body, bytes: &Bytes, now: Instant) -> Result<(), FetchError> {
        let length = bytes.len() as u64;
        self.network += length;
        self.shared.counters.add(Count::NetworkBytes, length);
        let (size, is_known) = (self.size(), self.wanted.expected.is_some());
        let lane = &mut self.lanes[index];
        lane.received += length;
        lane.since = now;
        let (offset, limit) = (lane.at, lane.end);
        let wanted = limit.map_or(length, |limit| length.min(limit.saturating_sub(offset)));
        let too_much = wanted < length && limit == size && !is_known;
        if offset.checked_add(length).is_none() || too_much {
            let why = format!("sent more than the {} bytes it announced", limit.unwrap_or(u64::MAX));
            return self.fail(index, &Failure::new(FailureKind::Content, why), now);
        }
        lane.at += wanted;
        let (end, before) = (lane.at, self.most);
        let is_there = self.present.gaps(&(offset..end)).next().is_none();
        self.take(index, offset, &bytes.slice(..wanted as usize), now);
        let again = if is_there { end } else { self.present.total() };
        if self.most == before && again > self.replayed {
            // What was there already has to pass again before anything new can come: once that is progress.
            (self.replayed, self.progressed) = (again, now);
        }
        let losers: Vec<_> = self.lanes.iter().filter(|lane| self.is_beaten(lane, now)).map(|lane| lane.id).collect();
        let lane = &self.lanes[index];
        let done = lane.is_done();
        let id = lane.id;
        self.lanes[index].go_on(body);
        if done {
            self.part(id, now);
        }
        for loser in losers {
            self.lose(loser, now);
        }
        Ok(())
    }

    /// Keeps what is new of some bytes.
    fn take(&mut self, index: usize, offset: u64, bytes: &Bytes, now: Instant) {
        let range = offset..offset + bytes.len() as u64;
        let gaps: Vec<_> = self.present.gaps(&range).collect();
        for gap in gaps {
            let piece = bytes.slice((gap.start - offset) as usize..(gap.end - offset) as usize);
            let (before, total) = (self.present.prefix(), self.present.total());
            self.present.insert(&gap);
            if gap.start == before {
                self.arriving.push(gap.start, piece.clone());
            }
            let from = self.places[self.lanes[index].place].name.clone();
            self.remember_sender(&gap, from);
            self.hold(index, gap.start, piece, now);
            // Where everything begins anew after each cut, only more than ever before is progress.
            let gained = self.present.total().saturating_sub(self.most.max(total));
            if gained > 0 {
                self.most = self.present.total();
                self.lanes[index].useful += gained;
                self.progressed = now;
                self.fruitless = 0;
            }
        }
        let prefix = self.present.prefix();
        self.arriving.tell(|status| status.prefix = prefix);
    }

    fn remember_sender(&mut self, range: &Range<u64>, from: std::sync::Arc<str>) {
        let joins = self.sent.iter_mut().rev().take(16).find(|sent| sent.range.end == range.start && sent.from == from);
        match joins {
            Some(sent) => sent.range.end = range.end,
            None => self.sent.push(Sent { range: range.clone(), from }),
        }
    }

    fn hold(&mut self, index: usize, offset: u64, piece: Bytes, now: Instant) {
        let held = &self.lanes[index].held;
        if held.length > 0 && held.offset + held.length != offset {
            self.flush_lane(index);
        }
        let most = FLUSH / self.lanes.len() as u64;
        let held = &mut self.lanes[index].held;
        if held.length == 0 {
            (held.offset, held.since) = (offset, Some(now));
        }
        held.length += piece.len() as u64;
        held.pieces.push(piece);
        if held.length >= most {
            self.flush_lane(index);
        }
    }

    pub(super) fn flush_lane(&mut self, index: usize) {
        let held = std::mem::take(&mut self.lanes[index].held);
        if held.length > 0 {
            self.ordered += held.length;
            let from = self.places[self.lanes[index].place].name.clone();
            self.landing.write(held.offset, held.pieces, from);
        }
    }

    /// Hands what a connection that leaves still holds to the disk.
    pub(super) fn flush(&mut self, lane: &mut Lane) {
        let held = std::mem::take(&mut lane.held);
        if held.length > 0 {
            self.ordered += held.length;
            self.landing.write(held.offset, held.pieces, self.places[lane.place].name.clone());
        }
    }

    /// A body came to its end.
    fn ended(&mut self, index: usize, now: Instant) -> Result<(), FetchError> {
        let lane = &self.lanes[index];
        let at = lane.at;
        match lane.end {
            Some(end) if at < end => {
                let why = format!("ended after byte {at} of {end}");
                self.fail(index, &Failure::new(FailureKind::Truncated, why), now)
            }
            Some(_) => {
                let id = lane.id;
                self.part(id, now);
                Ok(())
            }
            None => {
                self.learn_size(Some(at), SizeFrom::End);
                let id = self.lanes[index].id;
                self.part(id, now);
                Ok(())
            }
        }
    }

    /// A connection has done its work.
    pub(super) fn part(&mut self, id: u32, now: Instant) {
        if let Some(index) = self.lanes.iter().position(|lane| lane.id == id) {
            let mut lane = self.lanes.remove(index);
            self.flush(&mut lane);
            self.leave(&lane, now);
        }
    }

    /// What a member learns from a connection that did not fail.
    pub(super) fn leave(&self, lane: &Lane, now: Instant) {
        let member = &self.places[lane.place].location.member;
        if lane.is_done() {
            member.delivered(lane.received, now.saturating_duration_since(lane.body_since), now);
        } else if lane.received > 0 {
            member.received(lane.received);
        }
    }
}
