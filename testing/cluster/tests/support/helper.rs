//! A process of its own for the tests: `dcs-cluster-helper hold PARENT` holds a
//! cluster until its standard input ends, `dcs-cluster-helper up PARENT` starts
//! a detached one. Both print the process ids of the servers.

use std::error::Error;
use std::io::{self, Read};

use dcs_cluster::{Cluster, Options, detached};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(task), Some(parent)) = (arguments.next(), arguments.next()) else {
        return Err("usage: dcs-cluster-helper hold|up PARENT".into());
    };
    let options = Options::new().with_parent(parent);
    match task.as_str() {
        "hold" => {
            let cluster = Cluster::start(&options)?;
            println!("{:?}", cluster.pids());
            io::stdin().read_to_end(&mut Vec::new())?;
        }
        "up" => println!("{:?}", detached::up(&options)?.pids()),
        other => return Err(format!("{other:?} is neither hold nor up").into()),
    }
    Ok(())
}
