//! The two macros that tie event structs to their stored names. They write only what would be the same for each event:
//! the enum of an area, its names and versions, and the way its clear and personal parts go to JSON and back.

/// The enum of one area. `Name = version` lists an event; `, personal(field, Class)` says that it has a field
/// `personal`, sealed under the key of the user in `field`.
macro_rules! area {
    (
        $(#[$doc:meta])*
        pub enum $area:ident {
            $( $event:ident = $version:literal $(, personal($subject:ident, $class:ident))? ; )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $area { $( $event($event), )* }

        $(
            impl From<$event> for $area { fn from(event: $event) -> Self { Self::$event(event) } }
            impl From<$event> for crate::Event {
                fn from(event: $event) -> Self { Self::from($area::$event(event)) }
            }
        )*

        impl $area {
            /// Name and current version of every event of the area.
            pub const KINDS: &'static [(&'static str, u16)] = &[ $( (stringify!($event), $version), )* ];

            pub fn kind(&self) -> &'static str {
                match self { $( Self::$event(_) => stringify!($event), )* }
            }

            pub fn version(&self) -> u16 {
                match self { $( Self::$event(_) => $version, )* }
            }

            pub(crate) fn clear_json(&self) -> serde_json::Result<Vec<u8>> {
                match self { $( Self::$event(event) => serde_json::to_vec(event), )* }
            }

            /// The personal part, whose it is, and under which of their keys it goes. `None` when there is none.
            pub(crate) fn personal_json(&self) -> Option<(crate::UserId, crate::Class, serde_json::Result<Vec<u8>>)> {
                match self {
                    $( Self::$event(_event) => {
                        $( if let crate::Personal::Clear(personal) = &_event.personal {
                            return Some((_event.$subject, crate::Class::$class, serde_json::to_vec(personal)));
                        } )?
                        None
                    } )*
                }
            }

            pub(crate) fn from_clear_json(kind: &str, json: &[u8]) -> Option<serde_json::Result<Self>> {
                match kind {
                    $( stringify!($event) => Some(serde_json::from_slice(json).map(Self::$event)), )*
                    _ => None,
                }
            }

            /// Puts the opened personal part in its place; `None` says that its key has been destroyed.
            pub(crate) fn set_personal(&mut self, _json: Option<&[u8]>) -> serde_json::Result<()> {
                match self {
                    $( Self::$event(_event) => {
                        $( let _ = stringify!($subject);
                           _event.personal = crate::Personal::from_json(_json)?; )?
                        Ok(())
                    } )*
                }
            }

            pub(crate) fn schemas() -> Vec<(&'static str, u16, schemars::Schema, Option<schemars::Schema>)> {
                vec![ $( (
                    stringify!($event),
                    $version,
                    schemars::schema_for!($event),
                    $crate::area::personal_schema!($event $(, $subject)?),
                ), )* ]
            }
        }
    };
}

/// The schema of an event's personal part, if it has one.
macro_rules! personal_schema {
    ($event:ident) => {
        None
    };
    ($event:ident, $subject:ident) => {
        Some(crate::personal::schema_of(|event: &$event| &event.personal))
    };
}

/// The enum over all areas.
macro_rules! areas {
    ( $(#[$doc:meta])* pub enum $all:ident { $( $variant:ident($area:ident), )* } ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $all { $( $variant($area), )* }

        $( impl From<$area> for $all { fn from(event: $area) -> Self { Self::$variant(event) } } )*

        impl $all {
            /// The stored name, such as `PostPublished`.
            pub fn kind(&self) -> &'static str {
                match self { $( Self::$variant(event) => event.kind(), )* }
            }

            /// The version of its shape that is written today.
            pub fn version(&self) -> u16 {
                match self { $( Self::$variant(event) => event.version(), )* }
            }

            /// Name and current version of every event there is.
            pub fn kinds() -> impl Iterator<Item = (&'static str, u16)> {
                [ $( $area::KINDS, )* ].into_iter().flatten().copied()
            }

            /// Name, version, schema of the clear part, schema of the personal part.
            pub fn schemas() -> Vec<(&'static str, u16, schemars::Schema, Option<schemars::Schema>)> {
                let mut all = Vec::new();
                $( all.extend($area::schemas()); )*
                all
            }

            pub(crate) fn clear_json(&self) -> serde_json::Result<Vec<u8>> {
                match self { $( Self::$variant(event) => event.clear_json(), )* }
            }

            pub(crate) fn personal_json(&self) -> Option<(UserId, Class, serde_json::Result<Vec<u8>>)> {
                match self { $( Self::$variant(event) => event.personal_json(), )* }
            }

            pub(crate) fn from_clear_json(kind: &str, json: &[u8]) -> Option<serde_json::Result<Self>> {
                $( if let Some(event) = $area::from_clear_json(kind, json) {
                    return Some(event.map(Self::$variant));
                } )*
                None
            }

            pub(crate) fn set_personal(&mut self, json: Option<&[u8]>) -> serde_json::Result<()> {
                match self { $( Self::$variant(event) => event.set_personal(json), )* }
            }
        }
    };
}

pub(crate) use {area, areas, personal_schema};
