use std::collections::HashSet;

use nova_domain::{InvalidField, Refusal, RefusalClass};

/// One of each.
fn all() -> Vec<Refusal> {
    vec![
        Refusal::Invalid(vec![InvalidField {
            field: "text",
            code: "empty",
            detail: "must not be empty".to_owned(),
        }]),
        Refusal::NotRegistered,
        Refusal::AccountDeactivated,
        Refusal::AlreadyRegistered,
        Refusal::HandleTaken,
        Refusal::Unknown("post"),
        Refusal::Gone("post"),
        Refusal::NotYours("post"),
        Refusal::Yourself("follow"),
        Refusal::BlockedBetween,
        Refusal::NotAnAdmin,
        Refusal::DirectConversation,
        Refusal::TooManyMembers(500),
        Refusal::EditWindowOver,
        Refusal::GraceOver("post"),
        Refusal::DeletedByModerator,
        Refusal::DeletedByAuthor,
        Refusal::HandleReserved,
    ]
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    let codes: HashSet<_> = all().iter().map(Refusal::code).collect();
    assert_eq!(codes.len(), all().len());
    assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
}

#[test]
fn a_refusal_about_a_field_names_it() {
    for refusal in all() {
        if refusal.class() == RefusalClass::Invalid {
            assert!(refusal.field().is_some(), "{refusal:?}");
        }
        assert!(!refusal.to_string().is_empty());
    }
    assert_eq!(Refusal::Gone("post").class(), RefusalClass::Gone);
    assert_eq!(Refusal::Unknown("post").class(), RefusalClass::Unknown);
    assert_eq!(Refusal::NotYours("post").class(), RefusalClass::Forbidden);
    assert_eq!(Refusal::HandleTaken.class(), RefusalClass::Conflict);
}
