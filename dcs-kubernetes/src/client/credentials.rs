//! What a command brings, put in the place of the command.

use dcs_core::BoxError;
use futures_util::future::{self, FutureExt as _};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use kube::config::AuthInfo;
use tower::{Layer as _, Service as _};

/// Whether these credentials come from a command.
pub(super) fn runs_a_command(auth: &AuthInfo) -> bool {
    auth.exec.is_some() || auth.auth_provider.is_some()
}

/// The same credentials with the token of their command, which runs here and
/// now. Where it brings a certificate, or a token that is over within a minute,
/// they stay as they are.
///
/// kube would run the command by itself a minute before its token is over, in
/// the middle of a request, on a thread that the end of the runtime waits for: a
/// command that hangs would cost each request its time, and leave a thread and
/// a process behind. So kube is not told of the command. A token that is over is
/// refused, and a refused one is read anew.
pub(super) fn settled(config: &Config) -> kube::Result<AuthInfo> {
    let mut auth = config.auth_info.clone();
    let is_of_command =
        auth.auth_provider.is_some() || (auth.token.is_none() && auth.token_file.is_none());
    if !runs_a_command(&auth) || !is_of_command {
        return Ok(auth);
    }
    if let Some(token) = token(config)? {
        (auth.exec, auth.auth_provider) = (None, None);
        auth.token = Some(token.into());
    }
    Ok(auth)
}

/// The token that kube would put into a request that is sent now.
fn token(config: &Config) -> kube::Result<Option<String>> {
    let Some(layer) = config.auth_layer()? else {
        return Ok(None);
    };
    let mut layered = layer.layer(tower::service_fn(|request: Request<Body>| {
        let header = request.headers().get(AUTHORIZATION).cloned();
        future::ready(Ok::<_, BoxError>(Response::new(header)))
    }));
    let shown = layered.call(Request::new(Body::empty())).now_or_never();
    let header = shown.and_then(Result::ok).and_then(Response::into_body);
    Ok(header.as_ref().and_then(bearer))
}

fn bearer(header: &HeaderValue) -> Option<String> {
    let token = header.to_str().ok()?.strip_prefix("Bearer ")?;
    Some(token.to_owned())
}
