//! JSON in which an object is an object.
//!
//! serde's derived structs also accept a sequence of their fields in order, so that `["hi"]` would do for `{"text": "hi"}`. No
//! client means that, and a field that moves would silently change its meaning. [`from_slice`] refuses it for every struct, however
//! deep, by asking the parser for a map wherever a type asks for a struct. Internally tagged enums ask for anything, and accept a
//! sequence that begins with the tag: there a sequence is refused as well. Lists and tuples, which ask for a sequence, are lists.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

/// Parses a whole JSON text.
pub fn from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(Objects(&mut parser))?;
    parser.end()?;
    Ok(value)
}

/// Surrounds a deserializer, or what a deserializer is given, so that it is surrounded wherever it goes.
pub(crate) struct Objects<D>(pub(crate) D);

/// A visitor that is shown anything.
struct NoSequence<V>(V);

macro_rules! forward {
    ($( $method:ident )*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Objects(visitor))
        }
    )* };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Objects<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(NoSequence(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Objects(visitor))
    }

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Objects(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Objects(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, Objects(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, Objects(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Objects(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visit {
    ($( $method:ident: $value:ty ),* $(,)?) => { $(
        fn $method<E: Error>(self, value: $value) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )* };
}

/// What both kinds of visitor pass on.
macro_rules! visit_values {
    () => {
        type Value = V::Value;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }

        visit! {
            visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
            visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32,
            visit_f64: f64, visit_char: char, visit_str: &str, visit_borrowed_str: &'de str, visit_string: String,
            visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
        }

        fn visit_none<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_none()
        }

        fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_unit()
        }

        fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
            self.0.visit_some(Objects(value))
        }

        fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
            self.0.visit_newtype_struct(Objects(value))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
            self.0.visit_map(Objects(map))
        }

        fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
            self.0.visit_enum(Objects(data))
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Objects<V> {
    visit_values!();

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Objects(list))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NoSequence<V> {
    visit_values!();

    fn visit_seq<A: SeqAccess<'de>>(self, _list: A) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Seq, &self))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Objects<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Objects(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Objects(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Objects(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Objects<A> {
    type Error = A::Error;
    type Variant = Objects<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, content) = self.0.variant_seed(Objects(seed))?;
        Ok((name, Objects(content)))
    }
}

/// Reads the fields of a variant from an object.
struct Fields<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Fields<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        value.deserialize_map(Objects(self.0))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Objects<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Objects(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Objects(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.newtype_variant_seed(Fields(visitor))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Text {
        text: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        one: Option<Text>,
        #[serde(default)]
        many: Vec<Text>,
        #[serde(default)]
        kind: Option<Kind>,
        #[serde(default)]
        subject: Option<Subject>,
        #[serde(default)]
        pair: Option<(u8, Text)>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Fields { text: String },
        Wrapped(Text),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "type", content = "id", rename_all = "snake_case")]
    enum Subject {
        Post(u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
    enum Op {
        Ping,
        Say { text: String },
    }

    #[test]
    fn objects_are_taken() {
        let text = || Text { text: "hi".to_owned() };
        for (json, expected) in [
            (
                r#"{"one":{"text":"hi"}}"#,
                Outer { one: Some(text()), many: vec![], kind: None, subject: None, pair: None },
            ),
            (
                r#"{"many":[{"text":"hi"}],"one":null}"#,
                Outer { one: None, many: vec![text()], kind: None, subject: None, pair: None },
            ),
            (
                r#"{"kind":"plain"}"#,
                Outer { one: None, many: vec![], kind: Some(Kind::Plain), subject: None, pair: None },
            ),
            (
                r#"{"kind":{"fields":{"text":"hi"}}}"#,
                Outer {
                    one: None,
                    many: vec![],
                    kind: Some(Kind::Fields { text: "hi".to_owned() }),
                    subject: None,
                    pair: None,
                },
            ),
            (
                r#"{"subject":{"type":"post","id":7},"pair":[1,{"text":"hi"}]}"#,
                Outer {
                    one: None,
                    many: vec![],
                    kind: None,
                    subject: Some(Subject::Post(7)),
                    pair: Some((1, text())),
                },
            ),
        ] {
            assert_eq!(from_slice::<Outer>(json.as_bytes()).unwrap(), expected, "{json}");
        }
        assert_eq!(from_slice::<Op>(br#"{"op":"ping"}"#).unwrap(), Op::Ping);
        assert_eq!(
            from_slice::<Op>(br#"{"op":"say","text":"hi"}"#).unwrap(),
            Op::Say { text: "hi".to_owned() }
        );
    }

    #[test]
    fn a_sequence_is_no_object_however_deep() {
        for json in [
            r#"[null,[],null,null,null]"#,
            r#"{"one":["hi"]}"#,
            r#"{"many":[["hi"]]}"#,
            r#"{"kind":{"fields":["hi"]}}"#,
            r#"{"kind":{"wrapped":["hi"]}}"#,
            r#"{"subject":["post",7]}"#,
            r#"{"pair":[1,["hi"]]}"#,
        ] {
            assert!(from_slice::<Outer>(json.as_bytes()).is_err(), "{json}");
            assert!(
                json.contains("null,[]") || serde_json::from_str::<Outer>(json).is_ok(),
                "serde takes {json}"
            );
        }
        for json in [r#"["ping"]"#, r#"["say",{"text":"hi"}]"#, r#"["say","hi"]"#] {
            assert!(from_slice::<Op>(json.as_bytes()).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Op>(r#"["ping"]"#).is_ok(), "serde takes it");
        assert!(from_slice::<Text>(br#"{"text":"hi"} x"#).is_err(), "nothing may follow");
    }
}
