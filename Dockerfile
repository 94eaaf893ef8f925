# touchfold in a container: one static binary, no shell, no root.
#
#   docker build -t touchfold .
#   docker run -p 9464:9464 -v touchfold:/data -e TOUCHFOLD_KAFKA_BROKERS=kafka:9092 touchfold
#
# Configuration: TOUCHFOLD_ variables, or a file: -v ./touchfold.yaml:/data/touchfold.yaml:ro

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# with .git, from which `touchfold version` has the commit
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/touchfold ./cmd/touchfold && mkdir /out/data

# Root certificates and the user nonroot (65532), little else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/touchfold /touchfold
# A new volume takes over the folder's owner.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# 127.0.0.1 would be the container's own.
ENV TOUCHFOLD_STORE_DIR=/data TOUCHFOLD_HTTP_LISTEN=:9464
EXPOSE 9464
ENTRYPOINT ["/touchfold"]
CMD ["run"]
