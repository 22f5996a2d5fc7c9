//! How long a line of cache takes from one processor to another and back, in nanoseconds: two threads that hand a number to each other.
//!
//! Less than 130 or so where both share a cache, 300 and more where they do not. On a virtual machine it changes by the minute, and with
//! it the time of whatever has two threads share what they learn.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const TRIPS: u64 = 300_000;

fn main() {
    let number = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| (0..TRIPS).for_each(|trip| answer(&number, 2 * trip + 1)));
        for trip in 0..TRIPS {
            number.store(2 * trip + 1, Ordering::Release);
            wait(&number, 2 * trip + 2);
        }
    });
    println!("{}", begun.elapsed().as_nanos() / u128::from(TRIPS));
}

fn answer(number: &AtomicU64, to: u64) {
    wait(number, to);
    number.store(to + 1, Ordering::Release);
}

fn wait(number: &AtomicU64, until: u64) {
    while number.load(Ordering::Acquire) != until {
        spin_loop();
    }
}
