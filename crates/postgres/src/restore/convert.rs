//! Captured values of columns whose type changed since: the live type's own input function converts them, and what it
//! cannot convert without loss refuses the table.

use super::{
    Error,
    drift::without_modifier,
    frame::FrameTable,
    owners::numbered,
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    row::Line,
};
use tokio_postgres::Transaction;

/// Rewrites the retyped columns of `lines` as the live type writes them; the reasons if that is impossible.
pub(crate) async fn convert(
    tx: &Transaction<'_>,
    table: &FrameTable<'_>,
    lines: &mut [Line],
) -> Result<Result<(), Vec<String>>, Error> {
    let mut reasons = Vec::new();
    for retyped in &table.drift.retyped {
        let Some(position) = table.target_position(&retyped.column) else { continue };
        let values: Vec<Line> = lines.iter().map(|line| line.project(&[position])).collect();
        let refused = |why: &str| {
            format!(
                "{}: the type of {} changed from {} to {}, and captured values {why}: restore it by hand, or leave the group {} out",
                table.live.name, retyped.column, retyped.was, retyped.is, table.group
            )
        };
        tx.batch_execute("SAVEPOINT keepsake_convert").await.map_err(Error::database("preparing a conversion"))?;
        match converted(tx, &retyped.is, &values).await {
            Ok(Some(values)) => {
                for (line, value) in lines.iter_mut().zip(values) {
                    let fields = line.split().into_iter().enumerate();
                    let fields = fields.map(|(index, field)| if index == position { value.bytes() } else { field });
                    *line = Line::from_fields(fields.collect::<Vec<_>>());
                }
            }
            Ok(None) => reasons.push(refused("would be cut")),
            Err(error) if error.sql_state().is_some_and(|state| state.starts_with("22") || state.starts_with("23")) => {
                reasons.push(refused("do not fit it"));
            }
            Err(other) => return Err(other),
        }
        let back = "ROLLBACK TO SAVEPOINT keepsake_convert; RELEASE SAVEPOINT keepsake_convert";
        tx.batch_execute(back).await.map_err(Error::database("finishing a conversion"))?;
    }
    Ok(if reasons.is_empty() { Ok(()) } else { Err(reasons) })
}

/// The values as the type writes them, `None` if one lost something.
async fn converted(tx: &Transaction<'_>, type_name: &str, values: &[Line]) -> Result<Option<Vec<Line>>, Error> {
    let whole = match without_modifier(type_name) {
        Some(bare) => format!("k.k0::{type_name}::{bare} IS NOT DISTINCT FROM k.k0::{bare}"),
        None => "true".to_owned(),
    };
    let mut converted: Vec<Line> = values.to_vec();
    let mut lossless = true;
    for (number, chunk) in values.chunks(KEYS_PER_STATEMENT).enumerate() {
        let query = format!("SELECT k.n, {whole}, k.k0::{type_name} FROM {}", tuples_sql("k", 1, chunk)?);
        copy(tx, "converting captured values", &query, |line| {
            let (row, rest) = numbered(&line)?;
            lossless &= rest.bytes().starts_with(b"t\t");
            if let Some(slot) = converted.get_mut(number * KEYS_PER_STATEMENT + row) {
                *slot = Line::new(rest.bytes().get(2..).unwrap_or_default());
            }
            Ok(())
        })
        .await?;
    }
    Ok(lossless.then_some(converted))
}
