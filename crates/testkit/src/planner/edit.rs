//! The others: what goes on in other weddings while one is being restored.

use super::{Result, refused};
use crate::draw::Draw;
use tokio_postgres::Client;
use uuid::Uuid;

/// Weddings edited by one call.
const WEDDINGS: i64 = 4;
/// Guests edited in each.
const GUESTS: i64 = 3;

/// Edits that were committed, so that it can be shown that none was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// The weddings that were edited.
    pub weddings: Vec<Uuid>,
    /// Guests with the note that each was given.
    pub notes: Vec<(Uuid, String)>,
    /// Tasks that were added.
    pub tasks: Vec<i64>,
    /// Messages that were deleted.
    pub messages: Vec<i64>,
}

/// Small edits of a few weddings other than `except`, each committed on its own, as people make them: notes of guests
/// changed, a task added, a message deleted. Other seeds edit other weddings.
///
/// # Errors
/// [`Error::Postgres`](super::Error::Postgres).
pub async fn edit_others(client: &Client, except: Uuid, seed: u64) -> Result<Edits> {
    let mut draw = Draw::new(&[seed]);
    let others = client
        .query(
            "SELECT id FROM public.weddings WHERE id <> $1 ORDER BY md5(id::text || $2) LIMIT $3",
            &[&except, &seed.to_string(), &WEDDINGS],
        )
        .await
        .map_err(refused("choosing weddings to edit"))?;
    let mut edits = Edits::default();
    for row in others {
        let wedding: Uuid = row.get(0);
        edit(client, wedding, &mut draw, &mut edits).await?;
        edits.weddings.push(wedding);
    }
    Ok(edits)
}

async fn edit(client: &Client, wedding: Uuid, draw: &mut Draw, edits: &mut Edits) -> Result<()> {
    let guests = client
        .query("SELECT id FROM public.guests WHERE wedding_id = $1 ORDER BY id LIMIT $2", &[&wedding, &GUESTS])
        .await
        .map_err(refused("choosing guests to edit"))?;
    for row in guests {
        let guest: Uuid = row.get(0);
        let note = format!("edited meanwhile, no. {}", draw.below(1_000_000));
        client
            .execute("UPDATE public.guests SET dietary_notes = $2 WHERE id = $1", &[&guest, &note])
            .await
            .map_err(refused("editing a guest"))?;
        edits.notes.retain(|(edited, _)| *edited != guest);
        edits.notes.push((guest, note));
    }
    let task = client
        .query_one(
            "INSERT INTO public.tasks (wedding_id, title) VALUES ($1, 'Added meanwhile') RETURNING id",
            &[&wedding],
        )
        .await
        .map_err(refused("adding a task"))?;
    edits.tasks.push(task.get(0));
    let gone = client
        .query(
            "DELETE FROM public.messages WHERE id = (SELECT max(id) FROM public.messages WHERE wedding_id = $1) RETURNING id",
            &[&wedding],
        )
        .await
        .map_err(refused("deleting a message"))?;
    edits.messages.extend(gone.iter().map(|row| row.get::<_, i64>(0)));
    Ok(())
}

impl Edits {
    /// How many single edits these are.
    pub fn len(&self) -> usize {
        self.notes.len() + self.tasks.len() + self.messages.len()
    }

    /// No edit was made.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are not in the database any more; 0 is what a restore of another wedding must leave. Valid while
    /// nobody edits the same rows again.
    ///
    /// # Errors
    /// [`Error::Postgres`](super::Error::Postgres).
    pub async fn lost(&self, client: &Client) -> Result<usize> {
        let (guests, notes): (Vec<Uuid>, Vec<&str>) =
            self.notes.iter().map(|(guest, note)| (*guest, note.as_str())).unzip();
        let row = client
            .query_one(
                "SELECT (SELECT count(*) FROM public.guests g JOIN unnest($1::uuid[], $2::text[]) AS e (id, note) \
                         ON g.id = e.id AND g.dietary_notes = e.note), \
                        (SELECT count(*) FROM public.tasks WHERE id = ANY($3)), \
                        (SELECT count(*) FROM public.messages WHERE id = ANY($4))",
                &[&guests, &notes, &self.tasks, &self.messages],
            )
            .await
            .map_err(refused("looking for the edits"))?;
        let count = |at: usize| usize::try_from(row.get::<_, i64>(at)).unwrap_or(0);
        Ok((self.notes.len() - count(0)) + (self.tasks.len() - count(1)) + count(2))
    }
}
