//! A marker as a tree.

use std::fmt;

/// A condition on the environment, on the extras, and on the dependency groups.
///
/// ```
/// use stratheal_core::installer::requirement::Marker;
/// let marker: Marker = "python_version<'3.11' and (os_name=='nt' or extra=='Dev_Tools')".parse()?;
/// assert_eq!(
///     marker.to_string(),
///     "python_version < \"3.11\" and (os_name == \"nt\" or extra == \"dev-tools\")"
/// );
/// # Ok::<(), stratheal_core::installer::requirement::InvalidRequirement>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker(pub(super) Expression);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Expression {
    /// At least two, none of them an `All`.
    All(Vec<Expression>),
    /// At least two, none of them an `Any`.
    Any(Vec<Expression>),
    Compare(Comparison),
}

/// `variable operator value`, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Comparison {
    pub(super) variable: Variable,
    pub(super) operator: Operator,
    pub(super) value: String,
    /// Whether the value stands on the left.
    pub(super) is_reversed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Variable {
    ImplementationName,
    ImplementationVersion,
    OsName,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PythonFullVersion,
    PythonVersion,
    SysPlatform,
    Extra,
    Extras,
    DependencyGroups,
}

/// Each variable with its name, and after that the names that old metadata has for some.
const VARIABLES: &[(&str, Variable)] = &[
    ("implementation_name", Variable::ImplementationName),
    ("implementation_version", Variable::ImplementationVersion),
    ("os_name", Variable::OsName),
    ("platform_machine", Variable::PlatformMachine),
    ("platform_python_implementation", Variable::PlatformPythonImplementation),
    ("platform_release", Variable::PlatformRelease),
    ("platform_system", Variable::PlatformSystem),
    ("platform_version", Variable::PlatformVersion),
    ("python_full_version", Variable::PythonFullVersion),
    ("python_version", Variable::PythonVersion),
    ("sys_platform", Variable::SysPlatform),
    ("extra", Variable::Extra),
    ("extras", Variable::Extras),
    ("dependency_groups", Variable::DependencyGroups),
    ("os.name", Variable::OsName),
    ("sys.platform", Variable::SysPlatform),
    ("platform.version", Variable::PlatformVersion),
    ("platform.machine", Variable::PlatformMachine),
    ("platform.python_implementation", Variable::PlatformPythonImplementation),
    ("python_implementation", Variable::PlatformPythonImplementation),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    In,
    NotIn,
    Arbitrary,
    Equal,
    NotEqual,
    Compatible,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
}

/// Symbols, longest first where one begins another.
pub(super) const SYMBOLS: &[(&str, Operator)] = &[
    ("===", Operator::Arbitrary),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("~=", Operator::Compatible),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Variable {
    pub(super) fn named(name: &str) -> Option<Self> {
        VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable)
    }

    pub(super) fn name(self) -> &'static str {
        VARIABLES.iter().find(|(_, variable)| *variable == self).map_or("", |(name, _)| name)
    }

    /// Whether it stands for several names instead of one text.
    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::Extras | Self::DependencyGroups)
    }

    /// Whether it is compared as a version where that is possible.
    pub(super) fn is_version(self) -> bool {
        matches!(
            self,
            Self::ImplementationVersion | Self::PlatformRelease | Self::PythonFullVersion | Self::PythonVersion
        )
    }
}

impl Operator {
    fn text(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "not in",
            _ => SYMBOLS.iter().find(|(_, operator)| *operator == self).map_or("", |(text, _)| text),
        }
    }
}

impl Expression {
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| if let Self::All(inner) = part { inner } else { vec![part] });
        Self::of(flat.collect(), Self::All)
    }

    pub(super) fn any(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| if let Self::Any(inner) = part { inner } else { vec![part] });
        Self::of(flat.collect(), Self::Any)
    }

    fn of(mut parts: Vec<Self>, several: fn(Vec<Self>) -> Self) -> Self {
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                several(parts)
            }
        }
    }

    pub(super) fn comparisons(&self) -> Vec<&Comparison> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::comparisons).collect(),
            Self::Compare(comparison) => vec![comparison],
        }
    }
}

impl Marker {
    /// Both conditions at once.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Expression::all(vec![self.0, other.0]))
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
            Self::Compare(comparison) => return comparison.fmt(f),
        };
        for (index, part) in parts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { word })?;
            match part {
                Self::Any(_) => write!(f, "({part})")?,
                _ => part.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, operator) = (self.variable.name(), self.operator.text());
        // A value holds one kind of quotes at most: it was written between the other ones.
        let quote = if self.value.contains('"') { '\'' } else { '"' };
        if self.is_reversed {
            write!(f, "{quote}{}{quote} {operator} {name}", self.value)
        } else {
            write!(f, "{name} {operator} {quote}{}{quote}", self.value)
        }
    }
}

impl serde::Serialize for Marker {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Marker {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
