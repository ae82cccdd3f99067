//! `GET /api/backup/status`.

use crate::{app::App, extract::Json, failure::Result, words::Same as _};
use axum::extract::State;
use keepsake_api::status::{
    BackupStatus, Coverage, OverallHealth, RecoveryStatus, RpoStatus, Status, StorageUse, WeddingAtRisk, WeddingCounts,
    Week,
};
use keepsake_app::{
    service::Caller,
    status::{self, AtRisk, Done, Usage},
};

/// How it stands: weddings and how they are protected, backups of this week, restores, storage, what to look at and what to do. Members are told of
/// their own weddings. From counters: cheap enough to be asked all the time.
#[utoipa::path(get, path = "/api/backup/status", tag = "backups", operation_id = "status_read",
    responses((status = 200, description = "How it stands.", body = Status)))]
pub async fn read(State(app): State<App>, caller: Caller) -> Result<Json<Status>> {
    Ok(Json(shown(app.statuses.of(&app.service, &caller).await?)))
}

#[expect(clippy::cast_precision_loss, reason = "a share of counts: three digits of it are looked at")]
fn rate(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn week(done: &Done) -> Week {
    Week {
        completed: done.completed,
        failed: done.failed,
        cancelled: done.cancelled,
        success_rate: rate(done.completed, done.completed + done.failed),
        duration_ms_mean: done.duration_ms.checked_div(done.completed),
    }
}

fn shown(status: status::Status) -> Status {
    let (weddings, work) = (status.weddings, status.work);
    let missed = weddings.without_point + weddings.behind;
    let at_risk = |wedding: AtRisk| WeddingAtRisk {
        wedding_id: *wedding.id.as_uuid(),
        criticality: wedding.criticality.same(),
        first_day: wedding.first_day,
        without_point: wedding.without_point,
        behind: wedding.behind,
        unclean: wedding.unclean,
        integrity_score: wedding.integrity_score,
    };
    let usage = |usage: Usage| StorageUse {
        points: usage.points,
        raw_bytes: usage.raw_bytes,
        stored_bytes: usage.stored_bytes,
    };
    Status {
        at: status.at,
        health: match status.health {
            status::Health::Good => OverallHealth::Good,
            status::Health::Degraded => OverallHealth::Degraded,
            status::Health::Critical => OverallHealth::Critical,
        },
        weddings: WeddingCounts {
            total: weddings.total,
            critical: weddings.critical,
            high: weddings.high,
            medium: weddings.medium,
            low: weddings.low,
            vanished: weddings.vanished,
            without_point: weddings.without_point,
            behind: weddings.behind,
            unclean: weddings.unclean,
            integrity_mean: weddings.integrity_mean,
        },
        upcoming: Coverage { weddings: weddings.upcoming, covered: weddings.upcoming_covered },
        rpo: RpoStatus {
            met: weddings.total.saturating_sub(missed),
            missed,
            rate: rate(weddings.total.saturating_sub(missed), weddings.total),
        },
        backups: BackupStatus {
            waiting: work.executions_waiting,
            running: work.executions_running,
            this_week: week(&status.this_week),
            last_week: week(&status.last_week),
        },
        recovery: RecoveryStatus {
            active: work.operations,
            completed: work.restores_completed,
            failed: work.restores_failed,
            success_rate: rate(work.restores_completed, work.restores_completed + work.restores_failed),
            rto_ms_mean: work.restore_ms_mean,
        },
        storage: status.usage.map(usage),
        at_risk: status.at_risk.into_iter().map(at_risk).collect(),
        recommendations: status.recommendations,
    }
}
