//! What lines and sessions tell of their users, on its way to last access.

use super::{Needs, Window};
use crate::model::{Doubt, Stamp};
use crate::pair::Accessed;
use crate::streams::Streams;
use crate::trail::{LearnedAccess, Shown};

/// Keeps what lines tell of users, as far as that is asked for (R11).
#[derive(Debug)]
pub struct Learner<'f, 'a> {
    needs: &'f Needs,
    streams: &'f Streams,
    access: &'f mut LearnedAccess<'a>,
    /// All of it is asked for, at any time, by any user, and without the lines.
    keeps_all: bool,
}

impl<'f, 'a> Learner<'f, 'a> {
    /// Into what was learned so far.
    pub fn new(needs: &'f Needs, streams: &'f Streams, access: &'f mut LearnedAccess<'a>) -> Learner<'f, 'a> {
        let keeps_all =
            needs.access && needs.users.is_empty() && needs.window == Window::default() && !needs.behind.evidence;
        Learner { needs, streams, access, keeps_all }
    }

    /// Keeps what a line, or the two lines of a session, tell of a user.
    #[inline(always)]
    pub fn keep(&mut self, accessed: &Accessed<'_>) {
        if !self.keeps_all {
            return self.keep_some(accessed);
        }
        let Accessed { stream, user, near, login, close, .. } = *accessed;
        let connect = close.map(|(connect, _, doubt)| (connect, doubt));
        let end = close.map(|(_, end, doubt)| (end, doubt));
        let shown = Shown { login, connect, end, evidence: None };
        self.access.learn((user, near), stream, &shown, self.streams);
    }

    /// Keeps what of it is asked for.
    #[inline(never)]
    fn keep_some(&mut self, accessed: &Accessed<'_>) {
        let Learner { needs, streams, access, .. } = self;
        let Accessed { stream, user, login, close, .. } = *accessed;
        if !needs.access || !needs.asks_for(user) {
            return;
        }
        let within = |shown: Option<(Stamp, Doubt)>| shown.filter(|(stamp, _)| needs.window.holds(*stamp));
        let (login, connect) = (within(login), within(close.map(|(connect, _, doubt)| (connect, doubt))));
        let end = within(close.map(|(_, end, doubt)| (end, doubt)));
        if login.is_some() || connect.is_some() || end.is_some() {
            let of_login = needs.behind.evidence_of(accessed.login_rest);
            let of_close = needs.behind.evidence_of(accessed.close_rest);
            let evidence = of_login.or(of_close).map(|any| [of_login.unwrap_or(any), of_close.unwrap_or(any)]);
            access.learn((user, accessed.near), stream, &Shown { login, connect, end, evidence }, streams);
        }
    }
}
