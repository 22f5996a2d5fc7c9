//! Columns into rows.

use super::layout::{HOME, Number, PORT, Reading, TEXT, Text, difference};
use super::row::{Address, Close, Entry, Frame, Row, Said, Shape, Spelled, Who};
use super::user;

/// Gives rows, in order.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    columns: Reading<'a>,
    words: Vec<&'a [u8]>,
    frames: Vec<Frame<'a>>,
    users: Users<'a>,
    logins: Vec<Login<'a>>,
    /// Those of the entry before.
    digits: i64,
}

/// Users in the order in which they first came.
#[derive(Debug)]
struct Users<'a> {
    /// Their texts, one behind the other.
    texts: Vec<u8>,
    /// Where each ends, and its address before.
    all: Vec<(usize, Address<'a>)>,
    /// No block has so many bytes of them.
    longest: usize,
}

/// A login that a close may refer to.
#[derive(Clone, Copy, Debug)]
struct Login<'a> {
    pid: u32,
    peer: Spelled<'a>,
    user: usize,
    digits: i64,
}

impl<'a> Reader<'a> {
    /// Of the columns of a block of so many bytes; `None` where they are none.
    pub(super) fn new(columns: &'a [u8], length: usize) -> Option<Reader<'a>> {
        Some(Reader {
            columns: Reading::new(columns)?,
            words: Vec::new(),
            frames: Vec::new(),
            users: Users { texts: Vec::new(), all: Vec::new(), longest: length },
            logins: Vec::new(),
            digits: 0,
        })
    }

    /// Whether the last line has no newline.
    pub(super) fn is_open(&self) -> bool {
        self.columns.is_open
    }

    /// Whether there are no more rows.
    pub(super) fn is_over(&self) -> bool {
        self.columns.is_over(Number::Frame)
    }

    /// The next row; `None` where the columns have none, or none that fits.
    pub(super) fn next(&mut self) -> Option<Row<'_>> {
        let frame = match self.columns.number(Number::Frame)? {
            0 => return self.columns.text(Text::Lines).map(Row::Text),
            1 => self.new_frame()?,
            n => *self.frames.get(usize::try_from(n - 2).ok()?)?,
        };
        self.digits = self.digits.wrapping_add(difference(self.columns.number(Number::Digits)?));
        let digits = self.digits;
        let (pid, said) = match frame.shape {
            Shape::Message => (self.pid()?, Said::Message(self.columns.text(Text::Messages)?)),
            Shape::Login => {
                let pid = self.pid()?;
                let (peer, user) = self.who()?;
                let more = self.word(Number::LoginMore)?;
                self.logins.push(Login { pid, peer, user, digits });
                (pid, Said::Login(Who { peer, user: self.users.text(user)? }, more))
            }
            Shape::Refused => {
                let pid = self.pid()?;
                let (peer, user) = self.who()?;
                let mechanism = self.word(Number::Mechanism)?;
                let more = self.word(Number::RefusedMore)?;
                (pid, Said::Refused(Who { peer, user: self.users.text(user)? }, mechanism, more))
            }
            Shape::Close => {
                let (login, start, duration) = self.close()?;
                let mut counts = [0; 3];
                for (count, column) in counts.iter_mut().zip([Number::BytesIn, Number::BytesOut, Number::Mailboxes]) {
                    *count = self.columns.number(column)?;
                }
                let more = self.word(Number::CloseMore)?;
                let who = Who { peer: login.peer, user: self.users.text(login.user)? };
                (login.pid, Said::Close(who, Close { start, duration, counts }, more))
            }
        };
        Some(Row::Entry(Entry { digits, frame, pid, said }))
    }

    /// Who a close is about, its start and its duration.
    #[inline]
    fn close(&mut self) -> Option<(Login<'a>, i64, i64)> {
        match self.columns.number(Number::Back)? {
            0 => {
                let pid = self.pid()?;
                let (peer, user) = self.who()?;
                let slip = difference(self.columns.number(Number::Start)?);
                let duration = self.columns.number(Number::Duration)? as i64;
                let start = self.digits.wrapping_sub(duration.wrapping_add(slip));
                Some((Login { pid, peer, user, digits: 0 }, start, duration))
            }
            back => {
                let login = *self.logins.get(self.logins.len().checked_sub(usize::try_from(back).ok()?)?)?;
                let start = login.digits.wrapping_add(difference(self.columns.number(Number::Start)?));
                let slip = difference(self.columns.number(Number::Slip)?);
                Some((login, start, self.digits.wrapping_sub(start).wrapping_add(slip)))
            }
        }
    }

    fn pid(&mut self) -> Option<u32> {
        u32::try_from(self.columns.number(Number::Pid)?).ok()
    }

    fn new_frame(&mut self) -> Option<Frame<'a>> {
        let shapes = [Shape::Message, Shape::Login, Shape::Refused, Shape::Close];
        let shape = *shapes.get(usize::try_from(self.columns.number(Number::Shape)?).ok()?)?;
        let frame = Frame { shape, before: self.word(Number::Before)?, behind: self.word(Number::Behind)? };
        self.frames.push(frame);
        Some(frame)
    }

    #[inline]
    fn word(&mut self, column: Number) -> Option<&'a [u8]> {
        match self.columns.number(column)? {
            0 => {
                let word = self.columns.text(Text::Words)?;
                self.words.push(word);
                Some(word)
            }
            n => self.words.get(usize::try_from(n - 1).ok()?).copied(),
        }
    }

    /// The peer and the number of a user.
    #[inline]
    fn who(&mut self) -> Option<(Spelled<'a>, usize)> {
        let user = match self.columns.number(Number::User)? {
            0 => {
                let head = self.word(Number::Head)?;
                let number = self.columns.number(Number::Middle)?.checked_sub(1);
                let tail = self.word(Number::Tail)?;
                self.users.add(head, number, tail)?
            }
            n => usize::try_from(n - 1).ok()?,
        };
        let form = self.columns.number(Number::Form)?;
        let home = &mut self.users.all.get_mut(user)?.1;
        match form & (HOME | TEXT) {
            0 => *home = Address::V4(u32::try_from(self.columns.number(Number::Octets)?).ok()?),
            TEXT => {
                let text = self.word(Number::Spelling)?;
                self.users.all.get_mut(user)?.1 = Address::Text(text);
            }
            _ => {}
        }
        let address = self.users.all.get(user)?.1;
        let port = match form & PORT {
            0 => None,
            _ => Some(u16::try_from(self.columns.number(Number::Port)?).ok()?),
        };
        Some((Spelled { address, port }, user))
    }
}

impl Users<'_> {
    /// Adds a user, whose address is to be told.
    fn add(&mut self, head: &[u8], number: Option<u64>, tail: &[u8]) -> Option<usize> {
        user::join(head, number, tail, &mut self.texts);
        self.all.push((self.texts.len(), Address::V4(0)));
        (self.texts.len() <= self.longest).then_some(self.all.len() - 1)
    }

    #[inline]
    fn text(&self, user: usize) -> Option<&[u8]> {
        let begin = user.checked_sub(1).map_or(Some(0), |before| Some(self.all.get(before)?.0))?;
        self.texts.get(begin..self.all.get(user)?.0)
    }
}
