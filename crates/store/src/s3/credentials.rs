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
const MACHINE_VARIABLES: [(&str, AmazonS3ConfigKey); 8] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

/// Variables that say nothing without another one: the client would pass over them and take other credentials in silence.
const PAIRS: [(&str, &str); 2] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
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
    Ok(builder.with_credentials(Arc::new(OfMachine::new(region, &options.environment)?)))
}

/// The client's own chain. It can only be had by building a client, which asks nobody anything yet.
fn machine_provider(region: &str, environment: &Environment) -> Result<AwsCredentialProvider> {
    for (one, other) in PAIRS {
        if environment.get(one).is_some() && environment.get(other).is_none() {
            return Err(invalid(format!("{one} is set without {other}: set both, or neither")));
        }
    }
    let http = ClientOptions::new().with_connect_timeout(MACHINE_TIME_MAX).with_timeout(MACHINE_TIME_MAX);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name("credentials")
        .with_region(region)
        .with_client_options(http)
        .with_retry(super::no_retries());
    for (name, setting) in MACHINE_VARIABLES {
        if let Some(value) = environment.get(name) {
            // Paths are added to what is an address.
            builder = builder.with_config(setting, value.trim_end_matches('/'));
        }
    }
    let client = builder.build().map_err(|error| invalid(format!("the credentials of this machine: {error}")))?;
    Ok(Arc::clone(client.credentials()))
}

/// The machine's credentials; their absence is an error that says what to set, not a passing failure.
#[derive(Debug)]
struct OfMachine {
    inner: AwsCredentialProvider,
    /// Who is asked.
    service: &'static str,
    /// The file of the token that is shown to it, if one is.
    token: Option<PathBuf>,
}

/// The client's own error is no source of it: it keeps what the service answered, which may be secrets, or repeat the token.
#[derive(Debug, thiserror::Error)]
#[error("no credentials for S3 were found, and {service} gave none ({reason}): {HOW_TO}")]
struct NoneFound {
    service: &'static str,
    reason: String,
}

impl OfMachine {
    fn new(region: &str, environment: &Environment) -> Result<Self> {
        let inner = machine_provider(region, environment)?;
        let token = |name: &str| environment.get(name).map(PathBuf::from);
        // In the order of the client.
        let (service, token) = if let Some(token) = token("AWS_WEB_IDENTITY_TOKEN_FILE") {
            ("the web identity of AWS_WEB_IDENTITY_TOKEN_FILE", Some(token))
        } else if environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").is_some() {
            ("the container's service of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", None)
        } else if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").is_some() {
            let token = token("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
            ("the container's service of AWS_CONTAINER_CREDENTIALS_FULL_URI", token)
        } else {
            ("this machine's instance metadata", None)
        };
        Ok(Self { inner, service, token })
    }

    fn none_found(&self, error: &object_store::Error) -> NoneFound {
        let unreadable = self.token.as_ref().and_then(|file| Some((file, std::fs::File::open(file).err()?)));
        let reason = match unreadable {
            Some((file, error)) => format!("cannot read {}: {error}", file.display()),
            None => super::failure::brief(error),
        };
        NoneFound { service: self.service, reason }
    }
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
                Err(error) => {
                    return Err(object_store::Error::Unauthenticated {
                        path: NOT_FOUND.to_owned(),
                        source: self.none_found(&error).into(),
                    });
                }
            }
            attempt += 1;
        }
    }
}
