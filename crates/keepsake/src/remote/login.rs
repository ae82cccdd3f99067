//! `keepsake login` and `logout`.

use super::{Asking, session};
use crate::{cli, password};
use keepsake_api::{
    Secret,
    auth::{Access, Factor, LoginRequest, Me, Session},
};
use keepsake_app::{Code, Error, Result, identity};
use serde::Serialize;
use serde_json::json;

/// Who is logged in. No token is ever printed.
#[derive(Serialize)]
struct LoggedIn<'a> {
    server: &'a str,
    user_id: uuid::Uuid,
    organisation_id: uuid::Uuid,
    role: keepsake_api::users::UserRole,
    mfa_enrolled: bool,
    mfa_fresh: bool,
    session_expires_at: jiff::Timestamp,
}

pub async fn login(asking: &Asking, asked: &cli::Login) -> Result<()> {
    let password = password::existing(asked.password_file.as_deref(), "Password: ", &asking.cancel).await?;
    let request = LoginRequest { email: asked.email.clone(), password: Secret::new(password.expose()) };
    let session: Session = asking.server.post_unnamed("/api/auth/login", &request).await?;
    asking.server.sessions().keep(&session).await?;
    let mfa_fresh = match (&asked.code_file, session.mfa_enrolled) {
        (Some(file), _) => {
            let code = password::existing(Some(file), "", &asking.cancel).await?;
            give(asking, &code).await?;
            true
        }
        (None, true) if asking.output.can_ask() => ask_factor(asking).await?,
        _ => false,
    };
    let logged_in = LoggedIn {
        server: asking.server.url(),
        user_id: session.user_id,
        organisation_id: session.organisation_id,
        role: session.role,
        mfa_enrolled: session.mfa_enrolled,
        mfa_fresh,
        session_expires_at: session.session_expires_at,
    };
    asking.output.result(&logged_in, |shown| {
        let factor = match (shown.mfa_enrolled, shown.mfa_fresh) {
            (_, true) => "What takes a second factor is open for five minutes.",
            (true, false) => "What takes a second factor asks for it.",
            (false, false) => {
                "There is no second factor yet: enrol one, or what takes it stays closed (docs/identity.md)."
            }
        };
        format!("Logged in at {} until {:.0}.\n{factor}", shown.server, shown.session_expires_at)
    });
    Ok(())
}

pub async fn logout(asking: &Asking) -> Result<()> {
    // What is kept here goes, whatever the service says: perhaps it is gone, or the session is.
    let ended = asking.server.post::<Option<()>>("/api/auth/logout", &json!({})).await;
    asking.server.sessions().forget().await?;
    match ended {
        Err(error) if !matches!(error.code(), Code::Unauthenticated | Code::SessionRevoked) => return Err(error),
        _ => {}
    }
    asking
        .output
        .result(&json!({"server": asking.server.url()}), |_| format!("Logged out at {}.", asking.server.url()));
    Ok(())
}

/// Sees to it that what takes a second factor is open, by asking for a code at the terminal if it is not.
///
/// # Errors
/// [`Code::MfaRequired`] if nobody can be asked; [`Code::MfaFailed`] for a wrong code.
pub async fn fresh(asking: &Asking) -> Result<()> {
    let me: Me = asking.server.get("/api/auth/me", &[]).await?;
    match me {
        Me::User(user) if user.mfa_fresh && session::is_fresh(asking.server.sessions().mfa_at().await?) => Ok(()),
        Me::User(user) if user.mfa_enrolled && asking.output.can_ask() => ask_factor(asking).await.map(|_| ()),
        Me::User(user) if user.mfa_enrolled => {
            let text =
                "a second factor is needed: run `keepsake login` with --code-file, and this again within five minutes";
            Err(Error::new(Code::MfaRequired, text))
        }
        // The service says what else is missing.
        Me::User(_) | Me::Token(_) => Ok(()),
    }
}

/// Asks for a code; an empty line does without. Whether one was given.
async fn ask_factor(asking: &Asking) -> Result<bool> {
    match asking.output.ask("Code of your authenticator, or a recovery code: ") {
        Some(code) if !code.is_empty() => give(asking, &identity::Secret::new(code)).await.map(|()| true),
        _ => Ok(false),
    }
}

async fn give(asking: &Asking, code: &identity::Secret) -> Result<()> {
    let code = code.expose().trim();
    let is_code = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    let secret = Secret::new(code);
    let factor = if is_code { Factor::Code(secret) } else { Factor::RecoveryCode(secret) };
    let access: Access = asking.server.post("/api/auth/mfa/verify", &factor).await?;
    asking.server.sessions().step_up(access).await
}
