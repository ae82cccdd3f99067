//! Asking for a restore, or for a preview of one.

use super::{Destination, New, Request, check_reason, put};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    wedding,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Tx,
    points::{self, Filter, Point},
    queue::Kind,
};
use keepsake_domain::{OperationId, PointId, WeddingId, permission::Action, point};

/// Which point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Point(PointId),
    /// The newest clean one that was captured then or before.
    At(Timestamp),
    /// The newest clean one.
    LastClean,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiate {
    /// The wedding.
    pub wedding: WeddingId,
    /// From which point.
    pub which: Which,
    /// What, where to, and how far.
    pub request: Request,
    /// Why.
    pub reason: String,
}

/// Longest name that PostgreSQL takes, in bytes.
const NAME_BYTES_MAX: usize = 63;
const HASH_CHARS: usize = 64;

/// Starts a restore, or a preview. It waits in the queue when this returns.
///
/// # Errors
/// [`Code::MfaRequired`], [`Code::NotFound`], [`Code::Forbidden`]; [`Code::PointNotFound`] if there is no such point of this wedding;
/// [`Code::RestoreBusy`] while another restore of it is under way; [`Code::Invalid`].
pub async fn initiate(service: &Service, caller: &Caller, asked: &Initiate) -> Result<OperationId> {
    let (found, relation) = wedding::find(service, caller, Action::RecoveryInitiate, asked.wedding).await?;
    let owner = Some(found.organisation);
    let work = async {
        check_reason(&asked.reason)?;
        check(&asked.request)?;
        let mut tx = service.begin(caller).await?;
        let point = choose(&mut tx, asked.wedding, asked.which).await?;
        let new = New {
            kind: Kind::Restore,
            wedding: &found,
            point: point.id,
            undoes: None,
            request: &asked.request,
            reason: &asked.reason,
            is_emergency: false,
        };
        let id = put(&mut tx, service, caller, new).await?;
        tx.commit().await.map_err(failed)?;
        Ok(id)
    };
    service.act(caller, Action::RecoveryInitiate, relation, &wedding::subject(asked.wedding), owner, work).await
}

fn check(request: &Request) -> Result<()> {
    if let Destination::SideSchema(name) = &request.target
        && (name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0'))
    {
        return Err(Error::new(Code::Invalid, format!("/side_schema: use 1 to {NAME_BYTES_MAX} bytes")));
    }
    let is_hash = |hash: &String| hash.len() == HASH_CHARS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if request.preview_hash.as_ref().is_some_and(|hash| !is_hash(hash)) {
        return Err(Error::new(Code::Invalid, "/preview_hash: give the hash of a preview, 64 hexadecimal digits"));
    }
    Ok(())
}

/// The point that is meant. One that is named may be suspect or incomplete: the preview says what it would bring.
pub(super) async fn choose(tx: &mut Tx, wedding: WeddingId, which: Which) -> Result<Point> {
    let found = match which {
        Which::Point(id) => points::get(tx, id).await.map_err(failed)?.filter(|point| point.wedding == Some(wedding)),
        Which::At(_) | Which::LastClean => {
            let filter = Filter {
                wedding: Some(wedding),
                kind: Some(point::Kind::Wedding),
                clean: Some(true),
                at_or_before: match which {
                    Which::At(time) => Some(time),
                    Which::Point(_) | Which::LastClean => None,
                },
                ..Filter::default()
            };
            points::list(tx, filter, 1, None).await.map_err(failed)?.items.into_iter().next()
        }
    };
    let found = found.ok_or_else(|| {
        let message = match which {
            Which::Point(_) => "the wedding has no recovery point of that id",
            Which::At(_) => "the wedding has no clean recovery point of that time or before",
            Which::LastClean => "the wedding has no clean recovery point",
        };
        Error::new(Code::PointNotFound, message)
    })?;
    if found.kind == point::Kind::PreRecovery {
        let message = "the point is a state saved before a restore: undo that operation instead";
        return Err(Error::new(Code::Invalid, message));
    }
    Ok(found)
}
