//! Upcasting: bringing the stored JSON of an older version to the shape of the next one, on read.
//!
//! To change an event's shape: raise its version in `area!`, add the step from the version before it to [`STEPS`], and
//! keep the old sample in `events/golden/`: it must decode for ever. No event has changed its shape yet.

use serde_json::Value;

/// One step: the event, the version it starts from, and how its clear part becomes that of the next version.
pub type Step = (&'static str, u16, fn(Value) -> Value);

/// Every step there is.
pub const STEPS: &[Step] = &[];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    #[error("{kind} is stored in version {stored}, but this program knows up to {known}: upgrade it")]
    FromTheFuture { kind: String, stored: u16, known: u16 },
    #[error("{kind} version {from} has no step to the next version")]
    NoStep { kind: String, from: u16 },
}

/// Takes `value` from version `stored` to version `known`, a step at a time.
pub fn upcast(
    steps: &[Step],
    kind: &str,
    stored: u16,
    known: u16,
    mut value: Value,
) -> Result<Value, UpcastError> {
    if stored > known {
        return Err(UpcastError::FromTheFuture { kind: kind.to_owned(), stored, known });
    }
    for from in stored..known {
        let step = steps
            .iter()
            .find(|(of, version, _)| *of == kind && *version == from)
            .ok_or_else(|| UpcastError::NoStep { kind: kind.to_owned(), from })?;
        value = step.2(value);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEST_STEPS: &[Step] = &[
        ("Moved", 1, |mut value| {
            value["to"] = value["target"].take();
            value
        }),
        ("Moved", 2, |mut value| {
            value["unit"] = json!("m");
            value
        }),
    ];

    #[test]
    fn goes_through_every_step_in_order() {
        let value = upcast(TEST_STEPS, "Moved", 1, 3, json!({"target": 5})).unwrap();
        assert_eq!((&value["to"], &value["unit"]), (&json!(5), &json!("m")));
        assert_eq!(upcast(TEST_STEPS, "Moved", 3, 3, json!(1)).unwrap(), json!(1));
    }

    #[test]
    fn refuses_what_it_cannot_know() {
        assert!(matches!(
            upcast(TEST_STEPS, "Moved", 4, 3, json!(1)),
            Err(UpcastError::FromTheFuture { .. })
        ));
        assert!(matches!(upcast(TEST_STEPS, "Other", 1, 2, json!(1)), Err(UpcastError::NoStep { .. })));
    }

    #[test]
    fn every_event_can_be_brought_from_its_first_version() {
        for (kind, version) in crate::Event::kinds() {
            for from in 1..version {
                assert!(STEPS.iter().any(|(of, at, _)| *of == kind && *at == from), "{kind} {from}");
            }
        }
    }
}
