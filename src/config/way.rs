//! `[transport]`, settled: where letters go.

use super::check::shown;
use super::load::Settling;
use super::pace::profile;
use super::schema::RawTransport;
use super::server::{Kind, host_name};
use crate::account::Security;
use crate::campaign::problem::Problem;
use crate::transport::{Settings, SmtpSettings, Timeouts};

const RELAY: Kind = Kind {
    table: "transport",
    host: "name the relay of your mail host",
    travels: "letters",
    needs: "sending needs it; set it before `postduif send`",
    security: [(Some(465), Security::Tls), (None, Security::StartTls)],
    ports: [465, 587, 25],
};

impl Settling<'_> {
    pub(super) fn transport(&mut self, raw: &RawTransport, unready: &mut Vec<Problem>) -> Option<Settings> {
        let connections = raw.connections.unwrap_or(1);
        match raw.kind.as_deref() {
            Some("smtp") => self.smtp(raw, connections, unready).map(Settings::Smtp),
            Some("folder") => {
                Some(Settings::Folder { path: self.path(raw.path.as_deref().unwrap_or("logs/letters")) })
            }
            _ => Some(Settings::Rehearsal { connections, keep: Some(self.path("logs/rehearsal")) }),
        }
    }

    fn smtp(
        &mut self,
        raw: &RawTransport,
        connections: u32,
        unready: &mut Vec<Problem>,
    ) -> Option<SmtpSettings> {
        let server = self.server(&RELAY, &raw.server, unready);
        let timeouts = self.timeouts(raw);
        let server = server?;
        let letters_per_connection =
            raw.letters_per_connection.unwrap_or_else(|| profile(&server.host).letters_per_connection);
        let hello_name = raw.hello_name.as_ref().map(|name| name.trim().to_owned());
        if let Some(name) = hello_name.as_deref().filter(|name| !host_name(name)) {
            self.error(
                "wrong-host",
                &["transport", "hello-name"],
                format!("`{}` is no host name", shown(name)),
                "",
            );
        }
        let delivery_reports = raw.delivery_reports.unwrap_or(true);
        Some(SmtpSettings {
            server,
            connections,
            letters_per_connection,
            hello_name,
            delivery_reports,
            timeouts,
        })
    }

    fn timeouts(&mut self, raw: &RawTransport) -> Timeouts {
        let (raw, default) = (&raw.timeouts, Timeouts::default());
        let mut read = |key: &str, text: Option<&String>, default| {
            self.span(&["transport", "timeouts", key], text, default)
        };
        Timeouts {
            connect: read("connect", raw.connect.as_ref(), default.connect),
            greeting: read("greeting", raw.greeting.as_ref(), default.greeting),
            command: read("command", raw.command.as_ref(), default.command),
            data: read("data", raw.data.as_ref(), default.data),
            block: read("block", raw.block.as_ref(), default.block),
            end_of_data: read("end-of-data", raw.end_of_data.as_ref(), default.end_of_data),
        }
    }
}
