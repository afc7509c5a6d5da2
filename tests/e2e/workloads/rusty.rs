//! Burns CPU for as many milliseconds as its argument says, in a method of a trait and in a generic function.
use std::hint::black_box;
use std::time::{Duration, Instant};

mod mill {
    pub trait Turn {
        fn turn(&mut self) -> u64;
    }

    pub struct Wheel(pub u64);

    impl Turn for Wheel {
        #[inline(never)]
        fn turn(&mut self) -> u64 {
            let mut x = self.0 | 1;
            for _ in 0..200_000 {
                x = std::hint::black_box(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
            }
            self.0 = x;
            x
        }
    }

    #[inline(never)]
    pub fn grind<T: Turn>(wheel: &mut T, rounds: u32) -> u64 {
        (0..rounds).map(|_| wheel.turn()).fold(0, |a, b| a ^ b)
    }
}

fn main() {
    let ms = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(50);
    let end = Instant::now() + Duration::from_millis(ms);
    let mut wheel = mill::Wheel(ms);
    while Instant::now() < end {
        black_box(mill::grind(&mut wheel, 4));
    }
}
