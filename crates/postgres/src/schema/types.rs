//! How values of a column's type are compared with values given as text.

use super::Column;

/// The type to which text is cast so that an index on the column still serves, and nothing is cut off or rounded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Comparison(String);

impl Comparison {
    /// Of texts.
    pub fn text() -> Self {
        Self("text".to_owned())
    }

    /// The type for SQL, without a length or precision.
    pub fn sql(&self) -> &str {
        &self.0
    }

    /// Integers of any width compare with one another.
    pub fn is_integer(&self) -> bool {
        matches!(self.0.as_str(), "smallint" | "integer" | "bigint")
    }

    /// Character types compare with one another as text.
    pub fn is_text(&self) -> bool {
        self.0 == "text"
    }

    /// Whether `=` between the two is one operator family, so that no cast stands between a column and its index.
    pub fn joins(&self, other: &Self) -> bool {
        self == other || (self.is_integer() && other.is_integer())
    }
}

/// The type for comparing a column of this type with text.
///
/// A cast to `varchar(3)` cuts off and one to `numeric(5,2)` rounds, and both would match another row: so lengths and
/// precisions are dropped. `character` and `bit` without a length mean a length of one and are replaced.
pub fn comparison(column: &Column) -> Comparison {
    let mut name = column.base_type.as_str();
    let without;
    // Only PostgreSQL's own types: a quoted name may hold parentheses.
    if !name.contains('"')
        && let (Some(open), Some(close)) = (name.find('('), name.rfind(')'))
        && open < close
    {
        without = format!("{}{}", name.get(..open).unwrap_or_default(), name.get(close + 1..).unwrap_or_default());
        name = &without;
    }
    Comparison(match name {
        "character varying" | "text" => "text".to_owned(),
        "character" => "pg_catalog.bpchar".to_owned(),
        "bit" | "bit varying" => "pg_catalog.varbit".to_owned(),
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Identity;

    fn of(base_type: &str) -> String {
        let column = Column {
            name: "c".into(),
            type_name: base_type.into(),
            base_type: base_type.into(),
            category: 'S',
            not_null: true,
            default: None,
            identity: Identity::None,
            generated: false,
            comment: None,
        };
        comparison(&column).sql().to_owned()
    }

    #[test]
    fn lengths_and_precisions_never_cut_a_compared_value() {
        assert_eq!(of("character varying(36)"), "text");
        assert_eq!(of("numeric(10,2)"), "numeric");
        assert_eq!(of("character(2)"), "pg_catalog.bpchar");
        assert_eq!(of("timestamp(3) without time zone"), "timestamp without time zone");
        assert_eq!(of("uuid"), "uuid");
        assert_eq!(of("app.\"Odd(1)\""), "app.\"Odd(1)\"");
    }
}
