//! Users, tokens, keys and certificates of one cluster.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use crate::error::{At, Error};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The user of [`crate::Cluster::kubeconfig`], a member of `system:masters`.
pub(crate) const ADMIN: &str = "admin";
/// The user that asks whether the server is ready; the audit log leaves it out.
pub(crate) const PROBE: &str = "dcs-cluster";

/// A user that may sign in and has no rights until a test binds some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: String,
}

impl User {
    /// A user of this name. A name of the form
    /// `system:serviceaccount:NAMESPACE:NAME` is allowed, so a test can act as
    /// a service account.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidUser`] for a name that could not stand in a token file
    /// or in a file name, or that the cluster uses itself.
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let in_alphabet = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".:@-_".contains(&byte));
        let reserved = [ADMIN, PROBE].contains(&name.as_str());
        if !in_alphabet || reserved || name.is_empty() || name.len() > 128 {
            return Err(Error::InvalidUser { name });
        }
        Ok(Self { name })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A name with the token that proves it.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) name: String,
    pub(crate) token: String,
    groups: &'static str,
}

/// The tokens of one cluster: the administrator, the probe, then the users.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    all: Vec<Credential>,
}

impl Credentials {
    pub(crate) fn generate(users: &[User]) -> Result<Self, Error> {
        let own = [(ADMIN, "system:masters"), (PROBE, "system:masters")];
        let given = users.iter().map(|user| (user.name(), ""));
        let all = own
            .into_iter()
            .chain(given)
            .map(|(name, groups)| {
                Ok(Credential {
                    name: name.to_owned(),
                    token: random_token()?,
                    groups,
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self { all })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Credential> {
        self.all.iter()
    }

    pub(crate) fn token_of(&self, name: &str) -> Option<&str> {
        let credential = self.all.iter().find(|one| one.name == name)?;
        Some(&credential.token)
    }

    /// The text for `--token-auth-file`.
    pub(crate) fn token_file(&self) -> String {
        let line = |one: &Credential| {
            let Credential {
                name,
                token,
                groups,
            } = one;
            format!("{token},{name},{name},{groups:?}\n")
        };
        self.all.iter().map(line).collect::<Vec<_>>().concat()
    }
}

/// Keys and certificates, each as PEM.
#[derive(Debug)]
pub(crate) struct Pki {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) service_account_key: String,
    pub(crate) service_account_public: String,
}

impl Pki {
    /// A new authority and a certificate of it for the loopback address.
    pub(crate) fn generate() -> Result<Self, Error> {
        Self::try_generate().map_err(|source| Error::Certificates {
            reason: source.to_string(),
        })
    }

    fn try_generate() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "dcs-cluster test authority");
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut serving = CertificateParams::new(vec!["localhost".to_owned()])?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        serving.subject_alt_names.push(SanType::IpAddress(loopback));
        serving.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        serving.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let name = (DnType::CommonName, "kube-apiserver");
        serving.distinguished_name.push(name.0, name.1);
        let key = KeyPair::generate()?;
        let certificate = serving.signed_by(&key, &issuer)?.pem();

        let service_account = KeyPair::generate()?;
        Ok(Self {
            authority: authority_pem,
            certificate,
            key: key.serialize_pem(),
            service_account_key: service_account.serialize_pem(),
            service_account_public: service_account.public_key_pem(),
        })
    }
}

fn random_token() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .at("read", path)?;
    Ok(crate::hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_may_be_a_user() {
        let user = User::new("system:serviceaccount:default:patroni").unwrap();
        assert_eq!(user.name(), "system:serviceaccount:default:patroni");
    }

    #[test]
    fn names_that_would_break_the_token_file_are_refused() {
        for name in ["", "a,b", "a\nb", "a\"b", "../a", "admin", "dcs-cluster"] {
            let refused = User::new(name);
            assert!(
                matches!(refused, Err(Error::InvalidUser { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn only_the_clusters_own_users_are_in_a_group() {
        let users = [User::new("alice").unwrap()];
        let text = Credentials::generate(&users).unwrap().token_file();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].ends_with(r#",admin,admin,"system:masters""#),
            "{text}"
        );
        assert!(lines[2].ends_with(r#",alice,alice,"""#), "{text}");
    }

    #[test]
    fn every_user_has_a_token_of_its_own() {
        let credentials = Credentials::generate(&[]).unwrap();
        let admin = credentials.token_of(ADMIN).unwrap();
        assert_eq!(admin.len(), 32);
        assert_ne!(Some(admin), credentials.token_of(PROBE));
    }
}
