//! What a restore causes outside its rows: replication, triggers, SQL of the mapping (safety rule S7).

use super::{
    Error,
    frame::Frame,
    plan::{Downstream, Slot, TriggerName, WritePath},
    work::{Update, Work},
};
use crate::schema::{TableName, Trigger};
use tokio_postgres::Transaction;

/// Looks at everything that listens to the tables which change. Reasons for a refusal come beside it.
pub(crate) async fn downstream(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    work: &Work,
    path: WritePath,
) -> Result<(Downstream, Vec<String>), Error> {
    let (mut found, mut refusals) = (Downstream::default(), Vec::new());
    let changing: Vec<usize> =
        frame.in_scope().filter(|index| events(work, *index).iter().any(|(_, does)| *does)).collect();
    let names: Vec<&TableName> = changing.iter().map(|index| &frame.table(*index).live.name).collect();
    for publication in &frame.schema.publications {
        let sent: Vec<TableName> = publication.tables.iter().filter(|table| names.contains(table)).cloned().collect();
        if !sent.is_empty() {
            found.publications.push((publication.name.clone(), sent));
        }
    }
    for index in &changing {
        let table = frame.table(*index).live;
        let events = events(work, *index);
        let old_rows = events.iter().any(|(event, does)| *does && *event != "INSERT");
        match table.replica_identity {
            'n' => found.replica_identity.push((table.name.clone(), "nothing".to_owned())),
            'f' => found.replica_identity.push((table.name.clone(), "the full old row".to_owned())),
            'i' => found.replica_identity.push((table.name.clone(), "an index".to_owned())),
            _ => {}
        }
        let published = found.publications.iter().any(|(_, tables)| tables.contains(&table.name));
        let nameless = table.replica_identity == 'n' || (table.replica_identity == 'd' && table.primary_key.is_none());
        if published && nameless && old_rows {
            refusals.push(format!(
                "{}: it is published without a replica identity, so PostgreSQL refuses to change or delete its rows: \
                 set one, or leave its group out",
                table.name
            ));
        }
        for trigger in &table.triggers {
            if !events.iter().any(|(event, does)| *does && fires_on(trigger, event)) {
                continue;
            }
            let name = TriggerName { table: table.name.clone(), trigger: trigger.name.clone() };
            match (path, trigger.enabled) {
                (_, 'A') | (WritePath::Replica, 'R') | (WritePath::Checked, 'O') => found.triggers_fire.push(name),
                (WritePath::Replica, 'O') => found.triggers_silent.push(name),
                _ => {}
            }
        }
    }
    found.slots = slots(tx).await?;
    found.after_restore.clone_from(&frame.mapping.rules.after_restore);
    Ok((found, refusals))
}

/// What happens to a table's rows.
fn events(work: &Work, index: usize) -> [(&'static str, bool); 3] {
    let table = work.table(index);
    let rewritten = table.update.values().any(Update::rewritten);
    [
        ("INSERT", !table.insert.is_empty() || rewritten),
        ("UPDATE", !table.update.is_empty()),
        ("DELETE", !table.delete.is_empty() || rewritten),
    ]
}

/// Whether a trigger's definition names an event: `CREATE TRIGGER name BEFORE INSERT OR UPDATE OF a ON ...`.
fn fires_on(trigger: &Trigger, event: &str) -> bool {
    let definition = trigger.definition.as_str();
    let head = definition.find(" ON ").and_then(|end| definition.get(..end)).unwrap_or(definition);
    head.split_whitespace().any(|word| word == event)
}

async fn slots(tx: &Transaction<'_>) -> Result<Vec<Slot>, Error> {
    let query = "SELECT slot_name::text, coalesce(plugin::text, ''), active FROM pg_replication_slots \
                 WHERE slot_type = 'logical' AND database = current_database() ORDER BY 1";
    let rows = tx.query_typed(query, &[]).await.map_err(Error::database("reading replication slots"))?;
    Ok(rows.iter().map(|row| Slot { name: row.get(0), plugin: row.get(1), active: row.get(2) }).collect())
}
