//! One sequence: the same requests to both, one after the other, and in the end
//! what a watch saw of it.

use fastrand::Rng;
use serde_json::json;

use super::chance;
use super::compare::{self, Difference};
use super::requests::KINDS;
use super::server::{Server, Wire};

/// The object that is made last, so that a watch knows its end.
const LAST: &str = "zz-last";
/// How often a cache is asked again before what it says counts.
const PATIENCE: usize = 50;

pub(crate) async fn run(seed: u64, real: &Server, verbose: bool) -> Vec<Difference> {
    let mut rng = Rng::with_seed(seed);
    let nonce = format!("{:x}", std::process::id());
    let namespace = format!("diff-{nonce}-{seed}");
    let mut fake = Server::fake(seed).in_namespace(namespace.clone()).await;
    let mut real = real.clone().in_namespace(namespace).await;
    // Two kinds a sequence: enough requests about the same few objects.
    let kinds = [rng.usize(..KINDS.len()), rng.usize(..KINDS.len())];
    let began = [began(&mut fake).await, began(&mut real).await];
    let mut found = Vec::new();
    for _ in 0..rng.usize(8..24) {
        let kind = kinds[rng.usize(..2)];
        let template = chance::request(&mut rng, kind);
        let path = template.path();
        let (to_fake, to_real) = (template.for_server(&fake), template.for_server(&real));
        let by_fake = fake.ask(&to_fake, path.as_deref()).await;
        let by_real = real.ask(&to_real, path.as_deref()).await;
        if verbose {
            let body = String::from_utf8_lossy(&to_real.body[..to_real.body.len().min(300)]);
            println!("{} {} {body}", to_real.method, to_real.uri);
            println!(
                "    fake {} {} {:.300}",
                by_fake.code,
                by_fake.moved,
                by_fake.body.to_string()
            );
            println!(
                "    real {} {} {:.300}",
                by_real.code,
                by_real.moved,
                by_real.body.to_string()
            );
        }
        let mut differences = compare::answers(seed, &to_real, &by_fake, &by_real);
        // What the real server has in its cache may be a moment behind.
        for _ in 0..PATIENCE {
            if differences.is_empty() || !template.is_from_cache() {
                break;
            }
            let again = real.ask(&to_real, path.as_deref()).await;
            differences = compare::answers(seed, &to_real, &by_fake, &again);
        }
        // After another outcome nothing that follows can be compared.
        let apart = differences
            .iter()
            .any(|found| matches!(found.class, "status" | "revision"));
        found.extend(differences);
        if apart {
            return found;
        }
    }
    let kind = kinds[0];
    let selector = [
        "",
        "&labelSelector=x%3D1",
        "&labelSelector=x",
        "&fieldSelector=metadata.name!%3Db",
    ][rng.usize(..4)];
    found.extend(watched(seed, [&mut fake, &mut real], kind, (&began, selector)).await);
    found
}

async fn began(server: &mut Server) -> String {
    let uri = format!("/api/v1/namespaces/{}/configmaps", server.namespace);
    let wire = Wire {
        method: "GET",
        uri,
        content_type: None,
        accept: None,
        body: Vec::new(),
    };
    let heard = server.ask(&wire, None).await;
    heard.body["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn watched(
    seed: u64,
    servers: [&mut Server; 2],
    kind: usize,
    (began, selector): (&[String; 2], &str),
) -> Vec<Difference> {
    let (group, plural) = KINDS[kind];
    let mut watches = Vec::new();
    for (server, began) in servers.into_iter().zip(began) {
        let place = format!("{group}/namespaces/{}/{plural}", server.namespace);
        let body = json!({
            "metadata": {"name": LAST, "labels": {"x": "1"}},
            "spec": match plural {
                "pods" => json!({"containers": [{"name": "c", "image": "i"}]}),
                "services" => json!({"clusterIP": "None"}),
                _ => json!(null),
            },
            "addressType": if plural == "endpointslices" { json!("IPv4") } else { json!(null) },
        });
        let wire = Wire {
            method: "POST",
            uri: place.clone(),
            content_type: Some("application/json"),
            accept: None,
            body: body.to_string().into_bytes(),
        };
        let heard = server.ask(&wire, None).await;
        assert_eq!(heard.code, 201, "{}", heard.body);
        let uri = format!("{place}?watch=true&resourceVersion={began}{selector}");
        watches.push((server.watch(&uri, LAST).await, uri));
    }
    compare::events(seed, &watches[1].1, &watches[0].0, &watches[1].0)
}
