//! The race for the first data.

use std::sync::Arc;

use dcs_core::duties::initialize::{self, BootstrapError, Race};
use dcs_core::{Change, Config, Dcs, DcsExt, EditError, Initialize, Key, Value, WriteError};

use crate::one_register::{Before, OneRegister, history};
use crate::world::{World, config};

#[tokio::test(start_paused = true)]
async fn of_eight_members_that_race_beside_other_writes_one_wins() {
    for round in 0..8 {
        let world = World::new();
        // All of them read before the first one writes, and before most of their
        // writes someone else writes another key of the register.
        let dcs = Arc::new(OneRegister::new(world.store.handle(&world.scope)));
        let others = |n: u64| match n % 3 {
            0 => Before::Write(Change::Config(Some(Config::default()))),
            _ => history(n),
        };
        dcs.before((0..3 * round).map(others));
        let racers: Vec<_> = (0..8)
            .map(|_| tokio::spawn(initialize::begin(Arc::<OneRegister>::clone(&dcs))))
            .collect();
        let mut won = 0;
        for racer in racers {
            match racer.await.unwrap().unwrap() {
                Race::Won(_) => won += 1,
                Race::Running => {}
                Race::Done(id) => panic!("nobody has finished: {id}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
        assert_eq!(
            dcs.now().await.initialize.get(),
            Some(&Initialize::InProgress)
        );
    }
}

async fn won(dcs: &Arc<OneRegister>) -> initialize::Bootstrap {
    match initialize::begin(Arc::<OneRegister>::clone(dcs))
        .await
        .unwrap()
    {
        Race::Won(bootstrap) => bootstrap,
        other => panic!("{other:?}"),
    }
}

fn register(world: &World) -> Arc<OneRegister> {
    Arc::new(OneRegister::new(world.store.handle(&world.scope)))
}

#[tokio::test(start_paused = true)]
async fn the_winner_finishes_beside_other_writes_and_a_touch() {
    let world = World::new();
    let dcs = register(&world);
    let bootstrap = won(&dcs).await;
    let token = dcs_core::FencingToken::from_number(7).unwrap();
    dcs.before([history(1), Before::Touch(Key::Config, token)]);
    bootstrap.finish("7186662553319358497").await.unwrap();
    let done = Initialize::Done("7186662553319358497".to_owned());
    assert_eq!(dcs.now().await.initialize.get(), Some(&done));
    let Race::Done(id) = initialize::begin(dcs).await.unwrap() else {
        panic!("it is done");
    };
    assert_eq!(id, "7186662553319358497");
}

#[tokio::test(start_paused = true)]
async fn after_a_cancel_the_next_one_wins() {
    let world = World::new();
    let dcs = register(&world);
    won(&dcs).await.cancel().await.unwrap();
    assert_eq!(dcs.now().await.initialize.value, Value::Absent);
    won(&dcs).await.finish("1").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_cancel_or_finish_changes_nothing() {
    let world = World::new();
    let dcs = register(&world);
    let bootstrap = won(&dcs).await;
    let first = bootstrap.finish("1").await.unwrap();
    assert_eq!(bootstrap.finish("1").await.unwrap(), first);
    let lost = bootstrap.cancel().await;
    let kept = matches!(
        &lost,
        Err(BootstrapError::Lost { found: Some(Initialize::Done(id)) }) if id == "1"
    );
    assert!(kept, "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn who_was_overruled_does_not_finish() {
    let world = World::new();
    let dcs = register(&world);
    let bootstrap = won(&dcs).await;
    let other = Change::Initialize(Some(Initialize::Done("other".to_owned())));
    dcs.before([Before::Write(other.clone())]);
    let result = bootstrap.finish("mine").await;
    assert!(
        matches!(result, Err(BootstrapError::Lost { .. })),
        "{result:?}"
    );
    let stands = dcs.now().await.initialize;
    assert_eq!(stands.get(), Some(&Initialize::Done("other".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_start_of_unknown_outcome_is_no_win() {
    let world = World::new();
    let dcs = register(&world);
    dcs.dcs.lose_next_answer();
    let result = initialize::begin(Arc::<OneRegister>::clone(&dcs)).await;
    let unknown = matches!(
        result,
        Err(EditError::Write {
            source: WriteError::Unknown(_),
            ..
        })
    );
    assert!(unknown, "{result:?}");
    let again = initialize::begin(dcs).await.unwrap();
    assert!(matches!(again, Race::Running), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_no_start() {
    let world = World::new();
    world.store.spoil(&world.scope, &Key::Initialize, "rubbish");
    let dcs = world.store.handle(&world.scope);
    let result = initialize::begin(Arc::new(dcs)).await;
    assert!(matches!(result, Err(EditError::Read { .. })), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn a_config_beside_the_race_is_written_too() {
    let world = World::new();
    let dcs = register(&world);
    let racing = tokio::spawn(initialize::begin(Arc::<OneRegister>::clone(&dcs)));
    dcs.put_config(config(r#"{"ttl":30}"#)).await.unwrap();
    assert!(matches!(racing.await.unwrap().unwrap(), Race::Won(_)));
    let now = dcs.load().await.unwrap();
    assert!(now.config.get().is_some() && now.initialize.get().is_some());
}
