# All stages in one static image; infer-subtile also goes into the SHINE image (deploy/shine).
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION=${VERSION}

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/ /bin/
COPY --from=build --chmod=1777 /tmp /tmp
USER 65532:65532
ENTRYPOINT ["/bin/constellation"]
