//! Credentials in the order in which AWS's own tools look: variables, profile, then what the machine offers (web
//! identity, container, instance metadata).

use super::profile::{self, Section};
use crate::{Environment, Error, Options, Result, location::S3Location};
use object_store::{
    ClientOptions, CredentialProvider,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider},
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Marks our own refusal among the client's errors.
pub(super) const NOT_FOUND: &str = "credentials";
const HOW_TO: &str =
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with a profile of ~/.aws/credentials";
/// Attempts to get credentials from the machine: its services are near, and often busy at start.
const MACHINE_ATTEMPTS: u32 = 3;
const MACHINE_PAUSE: Duration = Duration::from_millis(300);
/// Places that are asked unencrypted, so they must answer soon or not exist.
const MACHINE_TIME_MAX: Duration = Duration::from_secs(5);
const DEFAULT_REGION: &str = "us-east-1";

/// What the machine's own credentials are found by.
const MACHINE_VARIABLES: [(&str, AmazonS3ConfigKey); 7] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

fn invalid(reason: String) -> Error {
    Error::Invalid { reason }
}

/// The region: of the URL, the environment, the profile, or AWS's first.
pub(super) fn region(place: &S3Location, environment: &Environment) -> Result<String> {
    let named = place.region.as_deref().or_else(|| environment.get("AWS_REGION"));
    if let Some(region) = named.or_else(|| environment.get("AWS_DEFAULT_REGION")) {
        return Ok(region.to_owned());
    }
    for path in files(environment) {
        let found = profile::read(&path, profile_name(environment))?;
        if let Some(region) = found.and_then(|mut section| section.remove("region")) {
            return Ok(region);
        }
    }
    Ok(DEFAULT_REGION.to_owned())
}

fn profile_name(environment: &Environment) -> &str {
    environment.get("AWS_PROFILE").unwrap_or("default")
}

fn files(environment: &Environment) -> Vec<PathBuf> {
    let credentials = environment.path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
    let config = environment.path("AWS_CONFIG_FILE", ".aws/config");
    [credentials, config].into_iter().flatten().collect()
}

/// Keys of the environment or the profile, or none.
fn keys(environment: &Environment) -> Result<Option<AwsCredential>> {
    let pair = (environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY"));
    let of_environment = |id: &str, secret: &str| AwsCredential {
        key_id: id.to_owned(),
        secret_key: secret.to_owned(),
        token: environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
    };
    match pair {
        (Some(id), Some(secret)) => return Ok(Some(of_environment(id, secret))),
        (Some(_), None) => {
            return Err(invalid("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both".to_owned()));
        }
        (None, Some(_)) => {
            return Err(invalid("AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID: set both".to_owned()));
        }
        (None, None) => {}
    }
    let name = profile_name(environment);
    for path in files(environment) {
        if let Some(keys) = profile::read(&path, name)?.and_then(keys_of_section) {
            return Ok(Some(keys));
        }
    }
    // A profile that was asked for by name must not be replaced by other credentials in silence.
    match environment.get("AWS_PROFILE") {
        Some(name) => Err(invalid(format!(
            "the profile {name} has no access key in the AWS credentials file (roles, single sign-on and programs named there are not followed): {HOW_TO}"
        ))),
        None => Ok(None),
    }
}

fn keys_of_section(mut section: Section) -> Option<AwsCredential> {
    Some(AwsCredential {
        key_id: section.remove("aws_access_key_id")?,
        secret_key: section.remove("aws_secret_access_key")?,
        token: section.remove("aws_session_token"),
    })
}

/// `builder` with the credentials found.
pub(super) fn with_credentials(builder: AmazonS3Builder, region: &str, options: &Options) -> Result<AmazonS3Builder> {
    if let Some(keys) = keys(&options.environment)? {
        let builder = builder.with_access_key_id(keys.key_id).with_secret_access_key(keys.secret_key);
        return Ok(match keys.token {
            Some(token) => builder.with_token(token),
            None => builder,
        });
    }
    if !options.machine_credentials {
        return Err(invalid(format!("there are no credentials for S3: {HOW_TO}")));
    }
    Ok(builder.with_credentials(Arc::new(OfMachine { inner: machine_provider(region, &options.environment)? })))
}

/// The client's own chain. It can only be had by building a client, which asks nobody anything yet.
fn machine_provider(region: &str, environment: &Environment) -> Result<AwsCredentialProvider> {
    let http = ClientOptions::new().with_connect_timeout(MACHINE_TIME_MAX).with_timeout(MACHINE_TIME_MAX);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name("credentials")
        .with_region(region)
        .with_client_options(http)
        .with_retry(super::no_retries());
    for (name, setting) in MACHINE_VARIABLES {
        if let Some(value) = environment.get(name) {
            builder = builder.with_config(setting, value);
        }
    }
    let client = builder.build().map_err(|error| invalid(format!("the credentials of this machine: {error}")))?;
    Ok(Arc::clone(client.credentials()))
}

/// The machine's credentials; their absence is an error that says what to set, not a passing failure.
#[derive(Debug)]
struct OfMachine {
    inner: AwsCredentialProvider,
}

#[derive(Debug, thiserror::Error)]
#[error("no credentials for S3 were found, and this machine offers none: {HOW_TO}")]
struct NoneFound {
    #[source]
    source: object_store::Error,
}

#[async_trait::async_trait]
impl CredentialProvider for OfMachine {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut attempt = 1;
        loop {
            match self.inner.get_credential().await {
                Ok(credential) => return Ok(credential),
                Err(_) if attempt < MACHINE_ATTEMPTS => tokio::time::sleep(MACHINE_PAUSE * attempt).await,
                Err(source) => {
                    return Err(object_store::Error::Unauthenticated {
                        path: NOT_FOUND.to_owned(),
                        source: NoneFound { source }.into(),
                    });
                }
            }
            attempt += 1;
        }
    }
}
