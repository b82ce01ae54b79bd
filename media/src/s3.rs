//! Media on S3, or on a server that speaks its language.
//!
//! Uploads are signed with rusty-s3, because their length, type and checksum have to be among the signed headers, which the
//! signer of `object_store` cannot do; everything else goes through `object_store`.

use std::sync::Arc;
use std::time::Duration;

use nova_resilience::{Guard, GuardOptions};
use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, RetryConfig};
use rusty_s3::actions::{GetObject, PutObject};
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use crate::store::{CHECKSUM_HEADER, MediaStore, Place, PutTerms};

/// How S3 is reached.
#[derive(Clone)]
pub struct S3Options {
    /// Such as `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// Where clients reach it, if elsewhere: in presigned addresses.
    pub public_endpoint: Option<String>,
    pub bucket: String,
    pub region: String,
    pub access_key: String,
    pub secret_key: String,
    /// The bucket is part of the path, not of the host.
    pub path_style: bool,
    pub connect_timeout: Duration,
    pub guard: GuardOptions,
}

impl std::fmt::Debug for S3Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Options")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    #[error("media.s3_endpoint or media.s3_public_endpoint is not the address of a server: {0}")]
    Endpoint(String),
    #[error("the settings for S3 do not go together: {0}")]
    Settings(String),
}

pub(crate) struct Signer {
    bucket: Bucket,
    credentials: Credentials,
    address: String,
}

/// Nothing is asked of the server yet: it may come later.
pub fn open(options: &S3Options) -> Result<MediaStore, S3Error> {
    let call_timeout = options.guard.call_timeout;
    let client = ClientOptions::new()
        .with_allow_http(options.endpoint.starts_with("http://"))
        .with_connect_timeout(options.connect_timeout)
        .with_timeout(call_timeout);
    let objects = AmazonS3Builder::new()
        .with_endpoint(&options.endpoint)
        .with_bucket_name(&options.bucket)
        .with_region(&options.region)
        .with_access_key_id(&options.access_key)
        .with_secret_access_key(&options.secret_key)
        .with_virtual_hosted_style_request(!options.path_style)
        .with_client_options(client)
        // The breaker has to see what fails.
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .build()
        .map_err(|error| S3Error::Settings(error.to_string()))?;
    let guard = Guard::new("s3", options.guard.clone());
    Ok(MediaStore::new(Arc::new(objects), Place::S3(Box::new(Signer::new(options)?)), guard))
}

impl Signer {
    fn new(options: &S3Options) -> Result<Self, S3Error> {
        let endpoint = options.public_endpoint.as_ref().unwrap_or(&options.endpoint);
        let url = endpoint.parse().map_err(|_| S3Error::Endpoint(endpoint.clone()))?;
        let style = if options.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
        let bucket = Bucket::new(url, style, options.bucket.clone(), options.region.clone())
            .map_err(|error| S3Error::Endpoint(format!("{endpoint}: {error}")))?;
        let credentials = Credentials::new(options.access_key.clone(), options.secret_key.clone());
        Ok(Self { bucket, credentials, address: format!("{}/{}", options.endpoint, options.bucket) })
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn put_url(&self, terms: &PutTerms<'_>, checksum: &str) -> String {
        let mut put = PutObject::new(&self.bucket, Some(&self.credentials), terms.key);
        let headers = put.headers_mut();
        headers.insert("content-length", terms.content_length.to_string());
        headers.insert("content-type", terms.content_type);
        headers.insert(CHECKSUM_HEADER, checksum);
        put.sign(terms.expires_in).into()
    }

    pub(crate) fn get_url(&self, key: &str, content_type: &str, expires_in: Duration) -> String {
        let mut get = GetObject::new(&self.bucket, Some(&self.credentials), key);
        let query = get.query_mut();
        query.insert("response-content-disposition", "attachment");
        query.insert("response-content-type", content_type);
        get.sign(expires_in).into()
    }
}

#[cfg(test)]
mod tests {
    use nova_resilience::BreakerOptions;

    use super::*;

    fn signer() -> Signer {
        Signer::new(&S3Options {
            endpoint: "http://127.0.0.1:9000".to_owned(),
            public_endpoint: None,
            bucket: "nova-media".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "key".to_owned(),
            secret_key: "hush".to_owned(),
            path_style: true,
            connect_timeout: Duration::from_secs(1),
            guard: GuardOptions {
                breaker: BreakerOptions::new(5, Duration::from_secs(10), 1),
                calls_max: 8,
                place_wait: Duration::ZERO,
                call_timeout: Duration::from_secs(1),
                probed_apart: false,
            },
        })
        .unwrap()
    }

    #[test]
    fn length_type_and_checksum_are_signed() {
        let terms = PutTerms {
            key: "staging/0d5f",
            content_type: "audio/ogg",
            content_length: 1_024,
            sha256: &"ab".repeat(32),
            expires_in: Duration::from_secs(900),
        };
        let url = signer().put_url(&terms, "checksum=");
        assert!(url.starts_with("http://127.0.0.1:9000/nova-media/staging/0d5f?"), "{url}");
        let signed = "X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256";
        assert!(url.contains(signed), "{url}");
        assert!(url.contains("X-Amz-Expires=900") && !url.contains("hush"), "{url}");
        // Each of them changes the signature.
        let signature = |terms: &PutTerms<'_>, checksum: &str| {
            let url = signer().put_url(terms, checksum);
            url.split("X-Amz-Signature=").nth(1).map(str::to_owned).unwrap()
        };
        let longer = PutTerms { content_length: 1_025, ..terms };
        let other = PutTerms { content_type: "audio/webm", ..terms };
        let signatures = [
            signature(&terms, "checksum="),
            signature(&longer, "checksum="),
            signature(&other, "checksum="),
            signature(&terms, "another="),
        ];
        for (index, one) in signatures.iter().enumerate() {
            assert!(!signatures[..index].contains(one));
        }
    }
}
