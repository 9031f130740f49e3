//! Secrets on their way to the keeper and to the executor: the one place where they are written out.
//!
//! The way is a socket of the user's own, or a pair of sockets that nobody else holds; never an argument, which everybody may read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::redact::Secret;

/// Named secrets.
pub(super) mod variables {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    pub(in crate::service) fn serialize<S: Serializer>(
        variables: &[(String, Secret<String>)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let exposed: Vec<_> = variables.iter().map(|(name, value)| (name, value.expose())).collect();
        exposed.serialize(serializer)
    }

    pub(in crate::service) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(String, Secret<String>)>, D::Error> {
        let read = Vec::<(String, String)>::deserialize(deserializer)?;
        Ok(read.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }
}

/// Secrets without names.
pub(super) mod secrets {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    pub(in crate::service) fn serialize<S: Serializer>(
        secrets: &[Secret<String>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let exposed: Vec<_> = secrets.iter().map(Secret::expose).collect();
        exposed.serialize(serializer)
    }

    pub(in crate::service) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Secret<String>>, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().map(Secret::new).collect())
    }
}

/// Durations, in whole milliseconds.
pub(super) mod milliseconds {
    use std::time::Duration;

    use super::{Deserialize, Deserializer, Serializer};

    pub(in crate::service) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in crate::service) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
