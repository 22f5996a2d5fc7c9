//! Rows into columns.

use std::collections::hash_map::Entry as Place;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::layout::{Columns, HOME, Number, PORT, TEXT, Text, signed};
use super::row::{Address, Close, Entry, Frame, Row, Said, Spelled, Who};
use super::user;

/// Takes rows, in order.
#[derive(Debug, Default)]
pub(super) struct Writer<'a> {
    columns: Columns,
    words: FxHashMap<&'a [u8], u64>,
    frames: FxHashMap<Frame<'a>, u64>,
    users: FxHashMap<&'a [u8], u64>,
    /// Of each user the address before.
    homes: Vec<Address<'a>>,
    /// Of each session that began in the block how many logins there were before, and the digits of its login.
    logins: FxHashMap<(u32, Who<'a>), (u64, i64)>,
    /// How many logins there were.
    count: u64,
    /// Those of the entry before.
    digits: i64,
}

impl<'a> Writer<'a> {
    pub(super) fn put(&mut self, row: &Row<'a>) {
        match row {
            Row::Text(line) => {
                self.columns.number(Number::Frame, 0);
                self.columns.text(Text::Lines, line);
            }
            Row::Entry(entry) => self.entry(entry),
        }
    }

    /// All columns; `is_open` says that the last line has no newline.
    pub(super) fn columns(mut self, is_open: bool) -> Columns {
        self.columns.is_open = is_open;
        self.columns
    }

    fn entry(&mut self, entry: &Entry<'a>) {
        self.frame(entry.frame);
        self.columns.number(Number::Digits, signed(entry.digits - self.digits));
        self.digits = entry.digits;
        match entry.said {
            Said::Message(text) => {
                self.columns.number(Number::Pid, u64::from(entry.pid));
                self.columns.text(Text::Messages, text);
            }
            Said::Login(who, more) => {
                self.columns.number(Number::Pid, u64::from(entry.pid));
                self.who(who);
                self.word(Number::LoginMore, more);
                self.logins.insert((entry.pid, who), (self.count, entry.digits));
                self.count += 1;
            }
            Said::Refused(who, mechanism, more) => {
                self.columns.number(Number::Pid, u64::from(entry.pid));
                self.who(who);
                self.word(Number::Mechanism, mechanism);
                self.word(Number::RefusedMore, more);
            }
            Said::Close(who, close, more) => {
                self.close(entry, who, &close);
                self.word(Number::CloseMore, more);
            }
        }
    }

    fn close(&mut self, entry: &Entry<'a>, who: Who<'a>, close: &Close) {
        let lasted = entry.digits - close.start;
        if let Some((login, digits)) = self.logins.get(&(entry.pid, who)) {
            self.columns.number(Number::Back, self.count - login);
            self.columns.number(Number::Start, signed(close.start - digits));
            self.columns.number(Number::Slip, signed(close.duration - lasted));
        } else {
            self.columns.number(Number::Back, 0);
            self.columns.number(Number::Pid, u64::from(entry.pid));
            self.who(who);
            self.columns.number(Number::Start, signed(lasted - close.duration));
            self.columns.number(Number::Duration, close.duration as u64);
        }
        let [bytes_in, bytes_out, mailboxes] = close.counts;
        self.columns.number(Number::BytesIn, bytes_in);
        self.columns.number(Number::BytesOut, bytes_out);
        self.columns.number(Number::Mailboxes, mailboxes);
    }

    fn frame(&mut self, frame: Frame<'a>) {
        let (n, is_new) = number_of(&mut self.frames, frame);
        self.columns.number(Number::Frame, if is_new { 1 } else { n + 2 });
        if is_new {
            self.columns.number(Number::Shape, frame.shape as u64);
            self.word(Number::Before, frame.before);
            self.word(Number::Behind, frame.behind);
        }
    }

    fn word(&mut self, column: Number, word: &'a [u8]) {
        let (n, is_new) = number_of(&mut self.words, word);
        self.columns.number(column, if is_new { 0 } else { n + 1 });
        if is_new {
            self.columns.text(Text::Words, word);
        }
    }

    fn who(&mut self, who: Who<'a>) {
        let (n, is_new) = number_of(&mut self.users, who.user);
        self.columns.number(Number::User, if is_new { 0 } else { n + 1 });
        let Spelled { address, port } = who.peer;
        let mut form = if port.is_some() { PORT } else { 0 };
        if is_new {
            let (head, number, tail) = user::parts(who.user);
            self.word(Number::Head, head);
            self.columns.number(Number::Middle, number.map_or(0, |n| n + 1));
            self.word(Number::Tail, tail);
            self.homes.push(address);
        } else if let Some(home) = self.homes.get_mut(n as usize) {
            form |= if *home == address { HOME } else { 0 };
            *home = address;
        }
        match address {
            _ if form & HOME != 0 => {}
            Address::V4(ip) => self.columns.number(Number::Octets, u64::from(ip)),
            Address::Text(text) => {
                form |= TEXT;
                self.word(Number::Spelling, text);
            }
        }
        self.columns.number(Number::Form, form);
        if let Some(port) = port {
            self.columns.number(Number::Port, u64::from(port));
        }
    }
}

/// The number of something among others, in the order in which they first came, and whether it comes first now.
fn number_of<T: Hash + Eq>(all: &mut FxHashMap<T, u64>, one: T) -> (u64, bool) {
    let next = all.len() as u64;
    match all.entry(one) {
        Place::Occupied(place) => (*place.get(), false),
        Place::Vacant(place) => (*place.insert(next), true),
    }
}
