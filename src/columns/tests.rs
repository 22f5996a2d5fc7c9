//! Lines as rows, and blocks.

use super::row::{Address, Close, Entry, Frame, Said, Shape, Spelled, Who};
use super::*;

/// Packs a text, sees that it comes back, and gives what it was packed to.
fn packed(text: &[u8]) -> Vec<u8> {
    let packed = pack(text);
    let mut out = b"before".to_vec();
    assert_eq!(unpack(&packed, &mut out), Ok(()));
    assert!(out.strip_prefix(b"before") == Some(text), "{}", text.escape_ascii());
    packed
}

/// A line, the text behind whose envelope has its fields in columns of these shapes.
fn shape_of(line: &[u8]) -> Option<Shape> {
    match Taker::default().take(line) {
        Row::Text(text) => {
            assert_eq!(text, line);
            None
        }
        Row::Entry(entry) => Some(entry.frame.shape),
    }
}

fn close<'a>(start: i64, duration: i64, more: &'a [u8]) -> Said<'a> {
    let peer = Spelled { address: Address::V4(0x0AF3_7E92), port: Some(1732) };
    Said::Close(Who { peer, user: b"ed" }, Close { start, duration, counts: [12_483, 0, u64::MAX] }, more)
}

#[test]
fn a_login_and_its_close() {
    let text = b"[29/May/2019:10:44:56 +0200] store1 imapd[17849]: Account Information: login [10.243.126.146:1732] ed plaintext\n\
        [29/May/2019:10:51:31 +0200] store1 imapd[17849]: Account Notice: close [10.243.126.146:1732] ed 2019/5/29 10:44:55 \
        0:06:36 12483 0 18446744073709551615\n\
        [29/May/2019:10:51:31 +0200] store1 imapd[17849]: Account Notice: close [10.243.126.146:1732] ed 2019/5/29 9:44:55 \
        10:06:36 12483 0 18446744073709551615 7\r\n";
    let packed = packed(text);
    let frame = |shape, behind| Frame { shape, before: b" +0200] store1 imapd[", behind };
    let (login_at, end) = (1_559_126_696, 1_559_127_091);
    let closed = frame(Shape::Close, b"]: Account Notice: close [");
    let peer = Spelled { address: Address::V4(0x0AF3_7E92), port: Some(1732) };
    let expected = [
        Entry {
            digits: login_at,
            frame: frame(Shape::Login, b"]: Account Information: login ["),
            pid: 17_849,
            said: Said::Login(Who { peer, user: b"ed" }, b" plaintext"),
        },
        Entry { digits: end, frame: closed, pid: 17_849, said: close(login_at - 1, 396, b"") },
        Entry { digits: end, frame: closed, pid: 17_849, said: close(login_at - 3601, 36_396, b" 7\r") },
    ];
    let mut n = 0;
    rows(&packed, |row| {
        assert_eq!(*row, Row::Entry(expected[n]));
        n += 1;
    })
    .unwrap();
    assert_eq!(n, 3);
}

#[test]
fn what_has_columns() {
    let envelope = "[29/May/2019:10:44:56 +0200] store1 imapd[7]: Account Notice: ";
    let close = "2019/5/29 8:39:42 0:06:35 1 2 3";
    for (message, shape) in [
        ("login [192.0.2.7:1] ed plaintext", Shape::Login),
        ("login [192.0.2.7] ed plaintext more", Shape::Login),
        ("login [2001:db8:0:a:0:0:1f:7:40718] ed x\r", Shape::Login),
        ("login [[2001:db8::7]:25] ed x", Shape::Login),
        ("login [192.0.2.07:1] ed x", Shape::Login),
        ("login [192.0.2.7:65536] ed x", Shape::Login),
        ("login [192.0.2.7:01] ed x", Shape::Login),
        ("login []  x", Shape::Login),
        ("connect [192.0.2.7:1] ed x", Shape::Login),
        ("login 192.0.2.7 ed x", Shape::Message),
        ("login [192.0.2.7 ed x", Shape::Message),
        ("badlogin: [192.0.2.7:1] plaintext some user Authentication failed", Shape::Refused),
        ("badlogin: [192.0.2.7:1] plaintext ", Shape::Refused),
        ("badlogin: [192.0.2.7:1] plaintext", Shape::Message),
        (&format!("close [192.0.2.7:1] ed {close}"), Shape::Close),
        (&format!("logout [192.0.2.7:1] ed {close} 4"), Shape::Close),
        (&format!("close [192.0.2.7] [unauthenticated] {close}"), Shape::Close),
        ("close [192.0.2.7:1] ed 2019/05/29 8:39:42 0:06:35 1 2 3", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/5/29 08:39:42 0:06:35 1 2 3", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/2/29 8:39:42 0:06:35 1 2 3", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/5/29 8:39:42 00:06:35 1 2 3", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/5/29 8:39:42 0:06:35 01 2 3", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/5/29 8:39:42 0:06:35 1 2 18446744073709551616", Shape::Message),
        ("close [192.0.2.7:1] ed 2019/5/29 8:39:42 0:06:35 1 2", Shape::Message),
        ("", Shape::Message),
    ] {
        let line = format!("{envelope}{message}");
        assert_eq!(shape_of(line.as_bytes()), Some(shape), "{line}");
        packed(line.as_bytes());
    }
    for (line, shape) in [
        ("[29/May/2019:10:44:56 +0200] store1 imapd[7]: said", Some(Shape::Message)),
        ("[29/May/2019:10:44:56[4294967295]: ", Some(Shape::Message)),
        ("[29/May/2019:10:44:56 +0200] store1 imapd[4294967296]: said", None),
        ("[29/May/2019:10:44:56 +0200] store1 imapd[07]: said", None),
        ("[29/May/2019:10:44:56 +0200] store1 imapd: said", None),
        ("[31/Feb/2019:10:44:56 +0200] store1 imapd[7]: said", None),
        ("[29/May/2019:24:00:00 +0200] store1 imapd[7]: said", None),
        ("29/May/2019:10:44:56 +0200 store1 imapd[7]: said", None),
        ("", None),
    ] {
        assert_eq!(shape_of(line.as_bytes()), shape, "{line}");
        packed(line.as_bytes());
    }
}

/// An hour of logins and closes that have much in common, as those of archives have.
fn sessions(count: u32) -> Vec<u8> {
    let mut text = String::new();
    for n in 0..count {
        let (minute, second) = (n / 60 % 60, n % 60);
        let peer = format!("10.{}.{}.7:{}", n % 5, n * 7 % 256, 1024 + n * 31 % 60_000);
        let stamp =
            format!("[29/May/2019:10:{minute:02}:{second:02} +0200] store1 imapd[{}]: Account ", 20_000 + n % 4);
        text += &format!("{stamp}Information: login [{peer}] user{} plaintext\n", n * 13 % 1000);
        let close = format!("close [{peer}] user{} 2019/5/29 10:{minute:02}:{second:02} 0:00:00", n * 13 % 1000);
        text += &format!("{stamp}Notice: {close} {} {} 1\n", n * 97, n * 977);
    }
    text.into_bytes()
}

#[test]
fn ordinary_lines_become_small() {
    let text = sessions(3000);
    let packed = packed(&text);
    assert!(packed.len() * 12 < text.len(), "{} of {} bytes", packed.len(), text.len());
}

#[test]
fn any_bytes_come_back() {
    packed(b"");
    packed(b"\n");
    packed(b"\n\n\r\n\0");
    packed(&[b'x'; 64 << 10]);
    packed(&vec![b'\n'; 1 << 20]);
    packed(&vec![b'['; 1 << 20]);
    let text = sessions(20);
    for end in 0..text.len() {
        packed(&text[..end]);
    }
    let envelope = b"[29/May/2019:10:44:56 +0200] store1 imapd[7]: Account Notice: login [";
    packed(&envelope.repeat(1000));
    packed(&[envelope, &b"1"[..], &[b'9'; 70_000], b"] ed x"].concat());
}

#[test]
fn damage_is_an_error() {
    let text = sessions(20);
    let packed = packed(&text);
    let mut out = Vec::new();
    for length in 0..packed.len() {
        assert!(unpack(&packed[..length], &mut out).is_err(), "cut at {length}");
    }
    let mut flipped = packed.clone();
    for at in 0..packed.len() {
        for bit in 0..8 {
            flipped[at] ^= 1 << bit;
            // One bit of a frame's head says nothing.
            if unpack(&flipped, &mut out).is_ok() {
                assert!(out == text, "bit {bit} of byte {at}");
                out.clear();
            }
            flipped[at] = packed[at];
        }
    }
    assert!(out.is_empty());
}

#[test]
fn what_a_block_says_of_itself_is_not_believed() {
    let mut out = b"before".to_vec();
    assert_eq!(unpack(&[], &mut out), Err(Corrupt::Damaged));
    assert_eq!(unpack(&[9, 0, 0], &mut out), Err(Corrupt::Version(9)));
    let block = |text: usize, columns: usize, content: &[u8]| {
        let mut block = vec![VERSION];
        length(text, &mut block);
        length(columns, &mut block);
        block.extend(zstd::bulk::compress(content, 1).unwrap());
        block
    };
    let columns = Columns::default().write().0;
    assert_eq!(unpack(&block(0, columns.len(), &columns), &mut out), Ok(()));
    assert_eq!(unpack(&block(1, columns.len(), &columns), &mut out), Err(Corrupt::Damaged));
    // As much as is stated, and no more.
    let zeros = vec![0; 64 << 20];
    assert_eq!(unpack(&block(LONGEST_BLOCK, LONGEST_BLOCK, &zeros), &mut out), Err(Corrupt::Damaged));
    assert_eq!(unpack(&block(LONGEST_BLOCK + 1, 3, b"abc"), &mut out), Err(Corrupt::Damaged));
    assert_eq!(unpack(&block(100, 5000, &zeros[..5000]), &mut out), Err(Corrupt::Damaged));
    // Columns of any other bytes.
    for at in 0..columns.len() {
        for byte in 1..=u8::MAX {
            let mut wrong = columns.clone();
            wrong[at] = byte;
            assert_eq!(unpack(&block(10, wrong.len(), &wrong), &mut out), Err(Corrupt::Damaged), "{byte} at {at}");
        }
    }
    assert_eq!(out, b"before");
}

/// Columns that nobody wrote, but whose checksum is right, do no harm.
#[test]
fn other_columns_do_no_harm() {
    let mut writer = Writer::default();
    let text = sessions(6);
    let mut taker = Taker::default();
    text.split(|b| *b == b'\n').for_each(|line| writer.put(&taker.take(line)));
    let columns = writer.columns(false).write().0;
    let mut given = 0;
    for at in 0..columns.len() {
        for other in [0, 1, 2, 3, 0x7F, 0x80, 0xFF] {
            let mut columns = columns.clone();
            columns[at] = other;
            let block = Block { length: text.len(), columns };
            let mut out = Vec::new();
            given += usize::from(block.print(&mut out).is_some());
            assert!(out.len() < text.len() + 200);
        }
    }
    assert!(given > 100, "{given}");
}
