use assize_script::*;
#[test]
fn cost() {
    let t = std::time::Instant::now();
    let rt = Runtime::start().unwrap();
    println!("start {:?}", t.elapsed());
    let inputs = Inputs {
        now: 1,
        resource: "http://a".into(),
        script_name: "x".into(),
        username: Some("id=ann,ou=user,dc=x".into()),
        session: Some([("AuthType".into(), "DataStore".into())].into()),
        profile: Some(Default::default()),
        ..Inputs::default()
    };
    for s in [
        "authorized = true;",
        "authorized = session.getProperty('AuthType').equals('DataStore') && !environment.containsKey('x'); advice.put('a',['b'])",
        "for(;;);",
        "function f(){f()} f()",
        "var a=[];for(;;)a.push(new Array(1000).fill(1))",
        "for(var i=0;i<10000;i++); authorized=true",
    ] {
        let run = rt.run(s, &inputs);
        let n = if run.result.is_err() { 3 } else { 2000 };
        let mut best = std::time::Duration::MAX;
        let mut all = Vec::new();
        for _ in 0..n {
            let t = std::time::Instant::now();
            let r = rt.run(s, &inputs);
            let e = t.elapsed();
            assert_eq!(r, run);
            best = best.min(e);
            all.push(e);
        }
        all.sort();
        println!(
            "{s}: {:?} best {best:?} median {:?}",
            run.result,
            all[all.len() / 2]
        );
    }
}
