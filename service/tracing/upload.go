package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"gitlab.com/towpath/towpath/service/config"
)

const (
	uploadTries   = 4
	uploadTimeout = 10 * time.Second // of one try
	uploadPause   = time.Second      // before the second try, and twice as long before each further one
	// answerLimit is how much of a collector's answer is read, in bytes; all we look at is its status.
	answerLimit = 64 << 10
)

// uploader sends spans as OTLP over HTTP in Protocol Buffers, see
// https://opentelemetry.io/docs/specs/otlp/#otlphttp. OpenTelemetry's own client for that brings
// gRPC with it, a hundred packages and three megabytes of program, to send one kind of message.
type uploader struct {
	url     string
	headers map[string]string
	client  *http.Client
	pause   time.Duration
}

func newUploader(c config.Tracing) *uploader {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &uploader{
		url:     c.URL(),
		headers: c.Headers,
		client: &http.Client{
			Transport: transport,
			Timeout:   uploadTimeout,
			// The headers may hold a key that is meant for this collector only.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pause: uploadPause,
	}
}

func (u *uploader) Start(context.Context) error { return nil }

func (u *uploader) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

// UploadTraces sends the spans, and tries again when the collector is busy or not there. The
// errors are for the log and have no part of the URL or the headers in them.
func (u *uploader) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// On the wire this is what the collector's ExportTraceServiceRequest is.
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	pause := u.pause
	for n := 1; ; n++ {
		again, err := u.post(ctx, body)
		if err == nil || !again || n == uploadTries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
		pause *= 2
	}
}

// post sends once, and tells of a failure whether it may pass.
func (u *uploader) post(ctx context.Context, body []byte) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("send spans: %w", withoutURL(err))
	}
	for name, value := range u.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := u.client.Do(request)
	if err != nil {
		return true, fmt.Errorf("send spans: %w", withoutURL(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, answerLimit)) // a connection with nothing unread can be used again
	switch answer.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	return again, fmt.Errorf("send spans: the collector answered %d", answer.StatusCode)
}

func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
