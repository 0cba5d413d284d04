//! `form!`: one table a kind says which fields it has, of which types, with which defaults and meanings. Reading and the reference both come from it.

/// Declares the form of a map in YAML: a struct with a doc line a field. A field without `= default` must be there.
macro_rules! form {
    ($(#[doc = $doc:literal])+ $form:ident as $title:literal {
        $($(#[doc = $about:literal])+ $field:ident: $type:ty $(= $default:expr)?;)*
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $form {
            $(pub(crate) $field: $type,)*
        }

        impl $form {
            /// Its entry in the reference.
            pub(crate) fn reference() -> KindReference {
                KindReference {
                    name: $title,
                    about: concat!($($doc),+).trim().to_owned(),
                    fields: vec![$(FieldReference {
                        name: stringify!($field),
                        type_name: <$type as FromNode>::type_name(),
                        default: form!(@show $type $(= $default)?),
                        about: concat!($($about),+).trim().to_owned(),
                    }),*],
                }
            }
        }

        impl FromNode for $form {
            fn type_name() -> String {
                $title.to_owned()
            }

            fn from_node(node: &Node, at: &mut At<'_>) -> Option<Self> {
                let entries = at.entries(node, $title)?;
                let known = at.known_only(entries, $title, &[$(stringify!($field)),*]);
                $(let $field = form!(@read at, node, entries, $field: $type $(= $default)?);)*
                known?;
                Some(Self { $($field: $field?,)* })
            }
        }
    };
    (@read $at:ident, $node:ident, $entries:ident, $field:ident: $type:ty) => {
        $at.required::<$type>($node, $entries, stringify!($field))
    };
    (@read $at:ident, $node:ident, $entries:ident, $field:ident: $type:ty = $default:expr) => {
        $at.optional::<$type>($entries, stringify!($field)).map(|given| given.unwrap_or_else(|| $default))
    };
    (@show $type:ty) => {
        None
    };
    (@show $type:ty = $default:expr) => {
        Some(<$type as FromNode>::show(&$default))
    };
}

pub(crate) use form;
