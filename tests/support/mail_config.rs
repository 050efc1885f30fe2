//! The configuration files of the Postfix and the Dovecot that tests start.
//!
//! Everything lies below one folder and listens on loopback ports above 1024. Written for Postfix 3.7 and Dovecot 2.3.
#![allow(dead_code, reason = "every test file uses another part of this")]
#![expect(clippy::unwrap_used, reason = "a test that cannot write its configuration has failed")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::post_office::{Ports, Wishes};

/// Writes a file and dates it two minutes back: Postfix waits until a table is older than a second before it reads it.
fn write_backdated(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap_or(SystemTime::UNIX_EPOCH);
    file.set_modified(modified - Duration::from_secs(120)).unwrap();
}

/// Returns the numbers of a user and its group.
pub(crate) fn account(name: &str) -> (u32, u32) {
    numbers("/etc/passwd", name).unwrap_or_else(|| unreachable!("this machine has no account `{name}`"))
}

fn numbers(file: &str, name: &str) -> Option<(u32, u32)> {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let own = fields.next()?.parse().ok()?;
    Some((own, fields.next().and_then(|group| group.parse().ok()).unwrap_or(own)))
}

fn folder(path: &Path, owner: (u32, u32), mode: u32) {
    fs::create_dir_all(path).unwrap();
    std::os::unix::fs::chown(path, Some(owner.0), Some(owner.1)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes the folders that Postfix's own start script would make, with the owners that its programs insist on.
pub(crate) fn make_queue(dir: &Path) {
    let queue = dir.join("pf/queue");
    let postfix = account("postfix");
    let drop = numbers("/etc/group", "postdrop").map_or(postfix.1, |(group, _)| group);
    folder(&dir.join("pf"), (0, 0), 0o755);
    folder(&dir.join("pf/etc"), (0, 0), 0o755);
    folder(&dir.join("pf/log"), (0, 0), 0o755);
    folder(&dir.join("pf/data"), postfix, 0o700);
    folder(&queue, (0, 0), 0o755);
    for name in [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved",
        "trace",
    ] {
        folder(&queue.join(name), postfix, 0o700);
    }
    folder(&queue.join("pid"), (0, 0), 0o755);
    folder(&queue.join("maildrop"), (postfix.0, drop), 0o730);
    folder(&queue.join("public"), (postfix.0, drop), 0o710);
}

/// Writes `main.cf`, `master.cf` and their tables.
pub(crate) fn write_postfix(dir: &Path, ports: &Ports, wishes: &Wishes) {
    let etc = dir.join("pf/etc");
    let here = dir.display();
    let domains = wishes.domains().join(", ");
    let mailboxes: String = wishes.known_to_postfix().iter().fold(String::new(), |mut table, address| {
        let _ = writeln!(table, "{address} yes");
        table
    });
    write_backdated(&etc.join("mailboxes"), &mailboxes);
    let aliases: String = wishes.collected.iter().fold(String::new(), |mut table, (domain, mailbox)| {
        let _ = writeln!(table, "@{domain} {mailbox}");
        table
    });
    write_backdated(&etc.join("aliases"), &aliases);
    let answers: String = wishes.answers.iter().fold(String::new(), |mut table, (address, answer)| {
        let _ = writeln!(table, "{address} {answer}");
        table
    });
    write_backdated(&etc.join("answers"), &answers);
    let Ports { lmtp, sasl, policy, .. } = ports;
    let extra = &wishes.main_cf;
    write_backdated(
        &etc.join("main.cf"),
        &format!(
            "compatibility_level = 3.6
queue_directory = {here}/pf/queue
data_directory = {here}/pf/data
maillog_file = {here}/pf/log/mail.log
maillog_file_prefixes = {here}
myhostname = mail.example.test
myorigin = example.test
mydestination =
mynetworks =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
recipient_delimiter = +
smtpd_tls_cert_file = {here}/tls/server.pem
smtpd_tls_key_file = {here}/tls/server.key
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = texthash:{here}/pf/etc/mailboxes
virtual_alias_maps = texthash:{here}/pf/etc/aliases
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
transport_maps = inline:{{ deadend.test=smtp:[127.0.0.1]:9 }}
relay_domains = deadend.test
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:{here}/pf/etc/answers, check_policy_service inet:127.0.0.1:{policy}
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
delay_warning_time = 2s
maximal_queue_lifetime = 8s
bounce_queue_lifetime = 8s
service_throttle_time = 1s
{extra}
"
        ),
    );
    write_backdated(&etc.join("master.cf"), &master_cf(ports));
}

fn master_cf(ports: &Ports) -> String {
    let Ports { mx, submission, smtps, .. } = ports;
    let mut text = format!(
        "127.0.0.1:{mx} inet n - n - - smtpd
  -o smtpd_sasl_auth_enable=no
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_auth_only=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
cleanup unix n - n - 0 cleanup
flush unix n - n 1000? 0 flush
proxywrite unix - - n - 1 proxymap
"
    );
    for (name, program) in [
        ("rewrite", "trivial-rewrite"),
        ("bounce", "bounce"),
        ("defer", "bounce"),
        ("trace", "bounce"),
        ("verify", "verify"),
        ("proxymap", "proxymap"),
        ("smtp", "smtp"),
        ("relay", "smtp"),
        ("showq", "showq"),
        ("error", "error"),
        ("retry", "error"),
        ("discard", "discard"),
        ("local", "local"),
        ("virtual", "virtual"),
        ("lmtp", "lmtp"),
        ("anvil", "anvil"),
        ("scache", "scache"),
    ] {
        // `showq` is public, the others are private, as Postfix ships them.
        let private = if name == "showq" { "n" } else { "-" };
        let most = match name {
            "verify" | "anvil" | "scache" => "1",
            "bounce" | "defer" | "trace" => "0",
            _ => "-",
        };
        let _ = writeln!(text, "{name} unix {private} - n - {most} {program}");
    }
    text
}

/// Writes Dovecot's configuration, its users and the folder of their mail.
pub(crate) fn write_dovecot(dir: &Path, ports: &Ports, wishes: &Wishes) {
    let nobody = account("nobody");
    let home = dir.join("dv");
    folder(&home, (0, 0), 0o755);
    folder(&home.join("mail"), nobody, 0o755);
    folder(&home.join("run"), (0, 0), 0o755);
    folder(&home.join("state"), (0, 0), 0o755);
    let users: String = wishes.users.iter().fold(String::new(), |mut file, user| {
        let quota = if user.full { "userdb_quota_rule=*:bytes=1" } else { "" };
        let _ = writeln!(file, "{}:{{PLAIN}}{}::::::{quota}", user.address, user.password);
        file
    });
    fs::write(home.join("users"), users).unwrap();
    let Ports { imap, imaps, lmtp, sasl, introspection, .. } = ports;
    fs::write(
        home.join("oauth2.conf"),
        format!(
            "introspection_mode = post
introspection_url = http://127.0.0.1:{introspection}/introspect
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"
        ),
    )
    .unwrap();
    let here = home.display();
    let tls = dir.join("tls");
    let tls = tls.display();
    let (uid, gid) = nobody;
    let boxes: String = ["Sent", "Drafts", "Junk", "Trash"].iter().fold(String::new(), |mut text, name| {
        let _ = write!(text, "  mailbox {name} {{\n    special_use = \\{name}\n    auto = subscribe\n  }}\n");
        text
    });
    let extra = &wishes.dovecot_conf;
    fs::write(
        home.join("dovecot.conf"),
        format!(
            "base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{tls}/server.pem
ssl_key = <{tls}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
first_valid_uid = 1
mail_location = maildir:{here}/mail/%d/%n
recipient_delimiter = +
mail_plugins = quota
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {here}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {here}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {here}/users
  default_fields = uid={uid} gid={gid} home={here}/mail/%d/%n
}}
namespace inbox {{
  inbox = yes
{boxes}}}
plugin {{
  quota = maildir:User quota
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener sasl {{
    port = {sasl}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{extra}
"
        ),
    )
    .unwrap();
}
