# All stages, the loader and the command in one static image; the stages are
# links to the executables that hold them. All of it also goes into the
# SHINE image (deploy/shine). The S3 server of demos stays out.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION=${VERSION}
# What a scratch image lacks: certificates, time zones (of cron schedules), a
# directory for temporary files, a name for the user.
RUN mkdir -p /rootfs/bin /rootfs/etc/ssl/certs /rootfs/usr/share /rootfs/tmp \
 && cp -P bin/* /rootfs/bin/ \
 && rm /rootfs/bin/serve-s3 \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /rootfs/usr/share/ \
 && echo 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin' > /rootfs/etc/passwd \
 && chmod 1777 /rootfs/tmp

FROM scratch
COPY --from=build /rootfs/ /
ENV PATH=/bin HOME=/tmp ZONEINFO=/usr/share/zoneinfo.zip SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/bin/constellation"]
