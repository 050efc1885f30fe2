//! What `serve` is told of who can come to the page: the address, TLS or a proxy that does it, and the password.

use std::time::Duration;

use super::Context;
use crate::account::{Secret, read_secret};
use crate::campaign::problem::{Place, Problem, Problems};
use crate::cli::Serve;
use crate::dashboard::certificate::Certificate;
use crate::dashboard::page::Entrance;
use crate::dashboard::password::{NoPassword, Password};
use crate::dashboard::reach::{Asked, Reach};
use crate::report::{Failure, count};

/// How long it may take to read the password.
const LONGEST_READING: Duration = Duration::from_secs(10);

/// Decides who can come to the page, and gets ready what it takes; tells every problem at once.
///
/// # Errors
/// When the page does not open like that.
pub(super) async fn ready(context: &Context, what: &Serve) -> Result<Entrance, Failure> {
    let mut problems = Problems::default();
    let (certificate, key) = (what.tls_certificate.as_deref(), what.tls_key.as_deref());
    let reach = Reach::of(&Asked {
        listen: &what.listen,
        certificate,
        key,
        behind_proxy: what.behind_proxy.as_deref(),
        names: &what.name,
        password: what.password_env.is_some() || what.password_file.is_some(),
    });
    let reach = reach.map_err(|objections| {
        for it in objections {
            let problem = Problem::error("serve", Place::file(it.option()), it.to_string());
            problems.push(problem.hint(it.hint()));
        }
    });
    let certified = certificate.zip(key).map(|(certificate, key)| {
        let names = reach.iter().flat_map(|reach| reach.meant.to_certify());
        Certificate::read(certificate, key, names).map_err(|errors| {
            for error in errors {
                let problem = Problem::error("serve", Place::file("--tls-certificate"), error.to_string());
                problems.push(problem.hint(error.hint()));
            }
        })
    });
    let password = password(context, what).await.map_err(|problem| problems.push(problem));
    match (reach, certified.transpose(), password) {
        (Ok(reach), Ok(certificate), Ok(password)) => Ok(Entrance { reach, certificate, password }),
        _ => {
            context.report.problems(&problems);
            Err(Failure::input(count(problems.errors(), "problem")).safe("nothing was opened"))
        }
    }
}

/// Fetches the password from where it is kept.
async fn password(context: &Context, what: &Serve) -> Result<Option<Password>, Problem> {
    let (option, secret) = match (&what.password_env, &what.password_file) {
        (Some(name), _) => {
            let value = context.environment.get(name).filter(|value| !value.is_empty());
            let unset = || {
                let said = format!("the environment variable `{name}` is not set");
                Problem::error("serve", Place::file("--password-env"), said)
            };
            ("--password-env", Secret::Password(value.ok_or_else(unset)?))
        }
        (None, Some(path)) => ("--password-file", Secret::PasswordFile(path.clone())),
        (None, None) => return Ok(None),
    };
    let problem = |said: String| Problem::error("serve", Place::file(option), said);
    let secret = read_secret(&secret, LONGEST_READING).await.map_err(problem)?;
    let password = Password::new(secret.reveal()).map_err(|error| {
        let hint = match error {
            NoPassword::Short(_) => {
                "four or five words that have nothing to do with each other are a good one"
            }
            NoPassword::NoRandom(_) => "",
        };
        problem(error.to_string()).hint(hint)
    })?;
    Ok(Some(password))
}
