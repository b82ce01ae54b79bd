use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

const NOW: u64 = 1_800_000_000;
const USER: &str = "0190c4a2-0000-7000-8000-000000000001";

struct Signer {
    private: EncodingKey,
    public: Vec<u8>,
}

fn signer() -> Signer {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    Signer { private: EncodingKey::from_ed_der(pkcs8.as_ref()), public: pair.public_key().as_ref().to_vec() }
}

fn verifier(signer: &Signer) -> Verifier {
    Verifier::new([PublicKey::ed25519("k1", &signer.public)], VerifierOptions::default())
}

fn claims() -> Value {
    json!({"iss": "nova", "aud": "nova", "sub": USER, "iat": NOW, "exp": NOW + 600})
}

/// The claims with one of them changed; null takes it away.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

fn header(kid: &str) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    header
}

fn sign(signer: &Signer, claims: &Value) -> String {
    jsonwebtoken::encode(&header("k1"), claims, &signer.private).unwrap()
}

/// A token with any header and signature at all.
fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_good_token_names_user_and_role() {
    let signer = signer();
    let verifier = verifier(&signer);
    let token = sign(&signer, &with("role", json!("auditor")));
    let claims = verifier.verify_at(&token, NOW).unwrap();
    assert_eq!(claims.user.to_string(), USER);
    assert_eq!(claims.role, Role::Auditor);
    assert_eq!(verifier.verify_at(&token, NOW + 1), Ok(claims), "and from the cache");
    assert_eq!(verifier.verify_at(&sign(&signer, &self::claims()), NOW).unwrap().role, Role::User);
}

#[test]
fn every_claim_must_be_there_and_hold() {
    let signer = signer();
    let verifier = verifier(&signer);
    for (name, value, error) in [
        ("iss", json!("other"), AuthError::WrongIssuer),
        ("iss", json!(null), AuthError::Malformed),
        ("aud", json!("other"), AuthError::WrongAudience),
        ("aud", json!(["other", "another"]), AuthError::WrongAudience),
        ("aud", json!(null), AuthError::Malformed),
        ("sub", json!("alice"), AuthError::BadSubject),
        ("sub", json!(null), AuthError::Malformed),
        ("iat", json!(NOW + 60), AuthError::NotYetValid),
        ("iat", json!(null), AuthError::Malformed),
        ("nbf", json!(NOW + 60), AuthError::NotYetValid),
        ("exp", json!(NOW - 60), AuthError::Expired),
        ("exp", json!(null), AuthError::Malformed),
        ("exp", json!("never"), AuthError::Malformed),
        ("exp", json!(u64::MAX), AuthError::LifetimeTooLong),
        ("exp", json!(NOW + 10 * 366 * 24 * 3600), AuthError::LifetimeTooLong),
        ("exp", json!(-1), AuthError::Malformed),
        ("role", json!("root"), AuthError::UnknownRole),
        ("role", json!(7), AuthError::Malformed),
    ] {
        let token = sign(&signer, &with(name, value.clone()));
        assert_eq!(verifier.verify_at(&token, NOW), Err(error), "{name} = {value}");
        assert_eq!(verifier.verify_at(&token, NOW), Err(error), "{name} = {value}, again");
    }
}

#[test]
fn clocks_may_differ_by_the_leeway_only() {
    let signer = signer();
    let verifier = verifier(&signer);
    let token = sign(&signer, &claims());
    assert!(verifier.verify_at(&token, NOW - 5).is_ok());
    assert!(verifier.verify_at(&token, NOW + 604).is_ok());
    assert_eq!(verifier.verify_at(&token, NOW + 605), Err(AuthError::Expired));
    let lax = VerifierOptions { leeway_s: 3600, ..VerifierOptions::default() };
    let lax = Verifier::new([PublicKey::ed25519("k1", &signer.public)], lax);
    assert_eq!(lax.verify_at(&token, NOW + 631), Err(AuthError::Expired), "30 s are the most");
}

#[test]
fn a_remembered_token_expires_all_the_same() {
    let signer = signer();
    let verifier = verifier(&signer);
    let token = sign(&signer, &claims());
    assert!(verifier.verify_at(&token, NOW).is_ok());
    assert_eq!(verifier.verify_at(&token, NOW + 3600), Err(AuthError::Expired));
}

#[test]
fn the_algorithm_is_the_keys_not_the_headers() {
    let signer = signer();
    let verifier = verifier(&signer);
    // HMAC with the public key as its secret: what a verifier that believes the header would accept.
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some("k1".to_owned());
    let forged = jsonwebtoken::encode(&hmac, &claims(), &EncodingKey::from_secret(&signer.public)).unwrap();
    assert_eq!(verifier.verify_at(&forged, NOW), Err(AuthError::WrongAlgorithm));
    for alg in ["none", "None", "NONE"] {
        let unsigned = raw(&json!({"alg": alg, "typ": "JWT", "kid": "k1"}), &claims(), b"");
        assert!(verifier.verify_at(&unsigned, NOW).is_err(), "{alg}");
    }
    let unsigned = raw(&json!({"alg": "EdDSA", "kid": "k1"}), &claims(), b"");
    assert_eq!(verifier.verify_at(&unsigned, NOW), Err(AuthError::BadSignature));
}

#[test]
fn a_token_cannot_bring_its_own_key() {
    let (ours, theirs) = (signer(), signer());
    let verifier = verifier(&ours);
    for kid in ["k2", "", "../k1", "k1\0", "/dev/null", "' OR 1=1 --"] {
        let token = jsonwebtoken::encode(&header(kid), &claims(), &theirs.private).unwrap();
        assert_eq!(verifier.verify_at(&token, NOW), Err(AuthError::UnknownKey), "{kid:?}");
    }
    let no_kid = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims(), &ours.private).unwrap();
    assert_eq!(verifier.verify_at(&no_kid, NOW), Err(AuthError::UnknownKey));
    let mut with_jwk = header("k1");
    with_jwk.jwk = Some(
        serde_json::from_value(json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": URL_SAFE_NO_PAD.encode(&theirs.public),
        }))
        .unwrap(),
    );
    with_jwk.jku = Some("https://example.org/keys".to_owned());
    let token = jsonwebtoken::encode(&with_jwk, &claims(), &theirs.private).unwrap();
    assert_eq!(verifier.verify_at(&token, NOW), Err(AuthError::BadSignature));
}

#[test]
fn critical_extensions_are_refused() {
    let signer = signer();
    let mut extended = header("k1");
    extended.crit = Some(vec!["b64".to_owned()]);
    let token = jsonwebtoken::encode(&extended, &claims(), &signer.private).unwrap();
    assert_eq!(verifier(&signer).verify_at(&token, NOW), Err(AuthError::Malformed));
}

#[test]
fn another_key_or_another_text_is_a_bad_signature() {
    let (ours, theirs) = (signer(), signer());
    let verifier = verifier(&ours);
    assert_eq!(verifier.verify_at(&sign(&theirs, &claims()), NOW), Err(AuthError::BadSignature));
    let good = sign(&ours, &claims());
    let mut parts = good.split('.');
    let (head, _, signature) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
    let other = URL_SAFE_NO_PAD.encode(with("role", json!("operator")).to_string());
    let tampered = format!("{head}.{other}.{signature}");
    assert_eq!(verifier.verify_at(&tampered, NOW), Err(AuthError::BadSignature));
    assert_eq!(verifier.verify_at(&tampered, NOW), Err(AuthError::BadSignature), "remembered");
    assert!(verifier.verify_at(&good, NOW).is_ok());
}

#[test]
fn every_cut_and_every_other_character_is_refused() {
    let signer = signer();
    let verifier = verifier(&signer);
    let good = sign(&signer, &claims());
    for end in 0..good.len() {
        assert!(verifier.verify_at(&good[..end], NOW).is_err(), "cut at {end}");
    }
    // The last character of the signature holds unused bits, which the base64 decoder refuses unless they are zero.
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verifier.verify_at(&changed, NOW).is_err(), "changed at {place}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let verifier = verifier(&signer());
    for text in ["", ".", "..", "...", "a.b.c", "a.b", "{}", "e30.e30.e30", "ä.ö.ü"] {
        assert_eq!(verifier.verify_at(text, NOW), Err(AuthError::Malformed), "{text:?}");
    }
    let long = format!("{}.{}.{}", "a".repeat(4000), "a".repeat(4000), "a".repeat(4000));
    assert_eq!(verifier.verify_at(&long, NOW), Err(AuthError::TooLong));
}

#[test]
fn a_claim_given_twice_is_refused() {
    let signer = signer();
    let text = format!(
        r#"{{"iss":"nova","aud":"nova","sub":"{USER}","iat":{NOW},"exp":{},"exp":{}}}"#,
        NOW - 600,
        NOW + 600
    );
    let twice: Box<serde_json::value::RawValue> = serde_json::from_str(&text).unwrap();
    let token = jsonwebtoken::encode(&header("k1"), &twice, &signer.private).unwrap();
    assert_eq!(verifier(&signer).verify_at(&token, NOW), Err(AuthError::Malformed));
}

#[test]
fn a_change_of_keys_takes_effect_at_once_both_ways() {
    let (old, new) = (signer(), signer());
    let verifier = verifier(&old);
    let (old_token, new_token) = (sign(&old, &claims()), sign(&new, &claims()));
    assert!(verifier.verify_at(&old_token, NOW).is_ok());
    assert_eq!(verifier.verify_at(&new_token, NOW), Err(AuthError::BadSignature));
    verifier.replace_keys([PublicKey::ed25519("k1", &new.public)]);
    assert_eq!(verifier.verify_at(&old_token, NOW), Err(AuthError::BadSignature));
    assert!(verifier.verify_at(&new_token, NOW).is_ok(), "the refusal under the old keys is forgotten");
}

#[test]
fn each_refusal_has_its_own_code() {
    let error = ApiError::from(AuthError::WrongAudience);
    assert_eq!((error.status().as_u16(), error.code()), (401, "wrong_audience"));
    assert_eq!(error.detail(), "The token is for another audience.");
}

/// Also a token that was verified, and is remembered, before the account was closed.
#[test]
fn a_closed_account_is_refused_until_it_is_opened_again() {
    let (signer, closed) = (signer(), ClosedAccounts::default());
    let verifier = verifier(&signer).with_closed_accounts(closed.clone());
    let mut good = claims();
    good["iat"] = json!(now_s());
    good["exp"] = json!(now_s() + 600);
    let token = sign(&signer, &good);
    let user = verifier.verify(&token).unwrap().user;
    closed.note(user, true, 1);
    assert_eq!(verifier.verify(&token), Err(AuthError::AccountDeactivated));
    assert_eq!(ApiError::from(AuthError::AccountDeactivated).status().as_u16(), 403);
    assert_eq!(verifier.verify_whoever(&token).unwrap().user, user, "to come back");
    closed.note(user, false, 2);
    assert!(verifier.verify(&token).is_ok());
    let bad = sign(&self::signer(), &good);
    closed.note(user, true, 3);
    assert_eq!(
        verifier.verify(&bad),
        Err(AuthError::BadSignature),
        "whose account is closed is not told to anybody"
    );
}
