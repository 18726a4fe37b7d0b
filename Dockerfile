# The image of tradepost: the binary, the libraries it is linked to, and nothing else.
#
#   docker build -t tradepost .                                          every module
#   docker build -t tradepost-user --build-arg FEATURES=user .           one of them
#
# How to run it: docs/deployment.md.

# The Rust of rust-toolchain.toml on a Linux with glibc and a C compiler.
ARG RUST_IMAGE=rust:1.95-bookworm

FROM ${RUST_IMAGE} AS chef
WORKDIR /build
RUN cargo install --quiet --locked --version 0.1.78 cargo-chef

# What the dependencies are, without the sources: it changes when they do.
FROM chef AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# The modules to compile in, separated by commas: user, order, inventory, gateway, and embedded for the engine and
# swagger for Swagger UI. Empty is all of it.
ARG FEATURES=""
# The dependencies, in a layer of their own that is built again only when they change.
COPY --from=plan /build/recipe.json .
RUN set -eu; \
    if [ -n "$FEATURES" ]; then set -- --no-default-features --features "$FEATURES"; else set --; fi; \
    cargo chef cook --release --locked --package tradepost --recipe-path recipe.json "$@"
COPY . .
RUN set -eu; \
    if [ -n "$FEATURES" ]; then set -- --no-default-features --features "$FEATURES"; else set --; fi; \
    cargo build --release --locked --package tradepost --bin tradepost "$@"
# The file system of the image: the binary, each library it names (the loader included), certificate authorities, a
# user, and the order in which names are looked up.
RUN set -eu; \
    mkdir -p /image/etc/ssl/certs /empty; \
    cp target/release/tradepost /image/tradepost; \
    ldd /image/tradepost | grep -o '/[^ ]*' | sort -u | xargs -I LIBRARY cp -L --parents LIBRARY /image; \
    cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/; \
    echo 'tradepost:x:10001:10001:tradepost:/data:/nonexistent' > /image/etc/passwd; \
    echo 'tradepost:x:10001:' > /image/etc/group; \
    echo 'hosts: files dns' > /image/etc/nsswitch.conf; \
    chroot /image /tradepost --version

FROM scratch
LABEL org.opencontainers.image.title="tradepost" \
      org.opencontainers.image.description="The back end of a trading platform: accounts, orders and market data." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image /
# The embedded engine's file, and keys that were made and not given. Nothing else is ever written.
COPY --from=build --chown=10001:10001 /empty /data
VOLUME /data
USER 10001:10001
ENV TRADEPOST__SERVER__LISTEN=0.0.0.0:8080 \
    TRADEPOST__DATA_DIR=/data
EXPOSE 8080
STOPSIGNAL SIGTERM
# The first seconds are not counted: a server may wait for its store.
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 CMD ["/tradepost", "health"]
ENTRYPOINT ["/tradepost"]
