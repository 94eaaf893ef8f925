# touchfold in a container: one static binary, no shell, no root.
#
#   docker build -t touchfold .
#   docker run -p 9464:9464 -v touchfold:/data -e TOUCHFOLD_KAFKA_BROKERS=kafka:9092 touchfold
#
# Configuration: TOUCHFOLD_ variables, or a file: -v ./touchfold.yaml:/touchfold.yaml:ro

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# with .git, from which `touchfold version` has the commit
COPY . .
RUN mkdir -p /out/data && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/touchfold ./cmd/touchfold

# Root certificates, /tmp and the user nonroot (65532); no shell.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/touchfold /usr/local/bin/touchfold
# A new volume takes over the folder's owner.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
# store.dir is ./data
WORKDIR /
VOLUME /data
# The default, 127.0.0.1, would be the container's own. This overrides http.listen of a file.
ENV TOUCHFOLD_HTTP_LISTEN=:9464
EXPOSE 9464
ENTRYPOINT ["/usr/local/bin/touchfold"]
CMD ["run"]
