//! Listeners: plain TCP, and TLS over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::StartError;
use crate::config::Config;
use crate::limits::{TLS_HANDSHAKE_SECONDS, TLS_HANDSHAKES};

/// TCP with small packets sent at once: an answer is one write, and waiting for more would only delay it.
pub(super) struct Plain {
    listener: TcpListener,
}

impl Plain {
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, StartError> {
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.map_err(|error| StartError(format!("cannot listen on {address}: {error}")))?;
        Ok(Plain { listener })
    }

    pub(super) fn address(&self) -> Result<SocketAddr, StartError> {
        self.listener
            .local_addr()
            .map_err(|error| StartError(error.to_string()))
    }
}

impl Listener for Plain {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// TLS: handshakes happen beside each other, so a slow one keeps nobody waiting.
pub(super) struct Tls {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Tls {
    pub(super) fn over(mut plain: Plain, config: &Config) -> Result<Self, StartError> {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(config)?));
        let address = plain.address()?;
        let (sender, ready) = mpsc::channel(TLS_HANDSHAKES);
        let turns = Arc::new(Semaphore::new(TLS_HANDSHAKES));
        tokio::spawn(async move {
            while !sender.is_closed() {
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else {
                    return;
                };
                let (stream, address) = tokio::select! {
                    accepted = Listener::accept(&mut plain) => accepted,
                    () = sender.closed() => return,
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    let _turn = turn;
                    let limit = Duration::from_secs(TLS_HANDSHAKE_SECONDS);
                    match tokio::time::timeout(limit, acceptor.accept(stream)).await {
                        // An error means that the server has stopped meanwhile.
                        Ok(Ok(stream)) => drop(sender.send((stream, address)).await),
                        Ok(Err(error)) => tracing::debug!(%error, %address, "TLS handshake"),
                        Err(_) => {
                            tracing::debug!(%address, seconds = TLS_HANDSHAKE_SECONDS, "TLS handshake took too long")
                        }
                    }
                });
            }
        });
        Ok(Tls { address, ready })
    }
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task is gone with the runtime: there is nothing more to accept.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

fn server_config(config: &Config) -> Result<ServerConfig, StartError> {
    let unreadable = |path: &str, error: rustls::pki_types::pem::Error| {
        StartError(format!("cannot read {path}: {error}"))
    };
    let (certificate, key) = (config.tls_certificate.as_str(), config.tls_key.as_str());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(certificate, error))?;
    if chain.is_empty() {
        return Err(StartError(format!(
            "{certificate} holds no certificate in PEM form"
        )));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
    let wrong = |error: rustls::Error| {
        StartError(format!(
            "{certificate} and {key} cannot be used for TLS: {error}"
        ))
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(wrong)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}
