//! Feeds a reader of foreign bytes with what it must survive: sound inputs, small changes to them, and changes to those that
//! were answered in a way not seen before. What it must not do is panic, or take long.
//!
//! A few thousand inputs in `./test.sh`; `NOVA_FUZZ_SECONDS=600` goes on for so long with each reader. A failure names the file
//! that holds its input; that input belongs among the sound ones, as a test. `NOVA_FUZZ_SEED` repeats the choices of a run.
//!
//! There is no coverage to steer by: that takes a nightly compiler. The answer itself steers, so a reader should answer with as
//! much as it knows, such as the text of its error.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

const INPUTS: u64 = 3_000;
/// The inputs that changes are made to.
const POOL_MAX: usize = 4_096;
const INPUT_BYTES_MAX: usize = 64 << 10;
/// Far above what any of the readers takes for [`INPUT_BYTES_MAX`], on a busy machine and without optimisation.
const SLOW: Duration = Duration::from_secs(5);

/// What numbers of a format are made to be.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// Calls `read` with inputs made of `sound` ones, of which there has to be at least one.
///
/// # Panics
/// If `read` does, or takes longer than five seconds.
#[track_caller]
pub fn fuzz<A: Hash>(name: &str, sound: Vec<Vec<u8>>, read: impl Fn(&[u8]) -> A) {
    fuzz_times(name, INPUTS, sound, read);
}

/// The same with a number of inputs of its own for the short form: for what takes longer.
///
/// # Panics
/// As [`fuzz`].
#[track_caller]
pub fn fuzz_times<A: Hash>(name: &str, inputs: u64, sound: Vec<Vec<u8>>, read: impl Fn(&[u8]) -> A) {
    assert!(!sound.is_empty(), "{name} has no sound input");
    let seed = number("NOVA_FUZZ_SEED").unwrap_or_else(rand::random);
    let until = number("NOVA_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut dice = StdRng::seed_from_u64(seed);
    let (mut pool, mut answers) = (Vec::new(), HashSet::new());
    let hasher = std::hash::RandomState::new();
    let mut given = 0;
    let mut give = |input: Vec<u8>, pool: &mut Vec<Vec<u8>>| {
        let began = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| read(&input)));
        let took = began.elapsed();
        if answer.is_err() || took > SLOW {
            let file = std::env::temp_dir().join(format!("nova-fuzz-{name}-{seed}"));
            let kept = std::fs::write(&file, &input);
            eprintln!("{name}: NOVA_FUZZ_SEED={seed}, {took:?}, {kept:?}; the input is {}", file.display());
        }
        match answer {
            Ok(answer) => {
                assert!(took <= SLOW, "{name} took {took:?} for {} bytes", input.len());
                if answers.insert(hasher.hash_one(answer)) && pool.len() < POOL_MAX {
                    pool.push(input);
                }
            }
            Err(panic) => resume_unwind(panic),
        }
    };
    for input in &sound {
        give(input.clone(), &mut pool);
    }
    while until.map_or(given < inputs, |until| Instant::now() < until) {
        let from = if dice.random_ratio(1, 4) { &sound } else { &pool };
        let mut input = from[dice.random_range(0..from.len())].clone();
        for _ in 0..1 << dice.random_range(0..4) {
            let other = &sound[dice.random_range(0..sound.len())];
            change(&mut input, other, &mut dice);
        }
        input.truncate(INPUT_BYTES_MAX);
        give(input, &mut pool);
        given += 1;
    }
    println!("{name}: {given} inputs, {} different answers, NOVA_FUZZ_SEED={seed}", answers.len());
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number")))
}

/// One small change.
fn change(input: &mut Vec<u8>, other: &[u8], dice: &mut StdRng) {
    let at = dice.random_range(0..=input.len());
    let rest = input.len() - at;
    let some = |most: usize, dice: &mut StdRng| dice.random_range(0..=most.min(64));
    match dice.random_range(0..9_u8) {
        0 if rest > 0 => input[at] ^= 1 << dice.random_range(0..8_u8),
        1 if rest > 0 => input[at] = dice.random(),
        2 => {
            let edge = EDGES[dice.random_range(0..EDGES.len())];
            let bytes = if dice.random() { edge.to_le_bytes() } else { edge.to_be_bytes() };
            let width = [1, 2, 4, 8][dice.random_range(0..4_usize)].min(rest);
            let part = if dice.random() { &bytes[..width] } else { &bytes[8 - width..] };
            input[at..at + width].copy_from_slice(part);
        }
        3 => drop(input.drain(at..at + some(rest, dice))),
        4 => {
            let mut noise = vec![0; some(16, dice)];
            dice.fill_bytes(&mut noise);
            input.splice(at..at, noise);
        }
        // Again.
        5 => {
            let part = input[at..at + some(rest, dice)].to_vec();
            let to = dice.random_range(0..=input.len());
            input.splice(to..to, part);
        }
        // Of another one.
        6 if !other.is_empty() => {
            let begin = dice.random_range(0..other.len());
            let end = begin + some(other.len() - begin, dice);
            let over = some(rest, dice);
            input.splice(at..at + over, other[begin..end].iter().copied());
        }
        7 => input.truncate(at),
        // A digit becomes a number at an edge.
        8 => {
            if let Some(digit) = input[at..].iter().position(u8::is_ascii_digit) {
                let edge = EDGES[dice.random_range(0..EDGES.len())].to_string();
                input.splice(at + digit..=at + digit, edge.into_bytes());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_stands_behind_several_answers() {
        let reads = |input: &[u8]| {
            let known = b"nova".iter().zip(input).take_while(|(a, b)| a == b).count();
            assert!(known < 4 || input.get(4) != Some(&b'!'), "found");
            known
        };
        // Of 150 runs, 17 did not find it with 3,000 inputs.
        let found = catch_unwind(|| fuzz_times("self-test", 300_000, vec![b"no!va".to_vec()], reads));
        assert!(found.is_err(), "300,000 changes to five bytes do not move one of them");
    }
}
