package connect

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/oauth2"
)

// device logs in on another device: a code is shown, and typed in elsewhere.
func (a *authenticator) device(ctx context.Context, flow *oauth2.Config, audience string) (*oauth2.Token, error) {
	if flow.Endpoint.DeviceAuthURL == "" {
		return nil, fmt.Errorf("the server offers no login by device; admin.authType: %s", Pkce)
	}
	var options []oauth2.AuthCodeOption
	if audience != "" {
		options = append(options, oauth2.SetAuthURLParam("audience", audience))
	}
	d, err := flow.DeviceAuth(ctx, options...)
	if err != nil {
		return nil, err
	}
	link := d.VerificationURIComplete
	if link == "" {
		link = d.VerificationURI
	}
	a.say("to log in, open %s and enter the code %s", link, d.UserCode)
	return flow.DeviceAccessToken(ctx, d)
}

// pkce logs in by the browser: the server sends it back to a page of ours, with
// a code that only we can exchange for a token.
func (a *authenticator) pkce(ctx context.Context, flow *oauth2.Config) (*oauth2.Token, error) {
	back, err := url.Parse(flow.RedirectURL)
	if err != nil || back.Host == "" {
		return nil, fmt.Errorf("the server names no place to come back to, but %q", flow.RedirectURL)
	}
	listener, err := net.Listen("tcp", back.Host)
	if err != nil {
		return nil, fmt.Errorf("wait for the browser: %w", err)
	}
	verifier, state := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	type answer struct {
		token *oauth2.Token
		err   error
	}
	answers := make(chan answer, 1)
	tell := func(w http.ResponseWriter, text string, got answer) {
		fmt.Fprintf(w, "<!doctype html><meta charset=utf-8><title>constellation</title><p>%s</p>", html.EscapeString(text))
		select {
		case answers <- got:
		default: // the browser asked twice
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc(back.EscapedPath(), func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("state") != state:
			http.Error(w, "this is not the login that was begun", http.StatusBadRequest) // somebody else's: the real one may still come
			return
		case q.Get("error") != "":
			err := fmt.Errorf("the server says %s %s", q.Get("error"), q.Get("error_description"))
			tell(w, err.Error(), answer{err: err})
			return
		}
		token, err := flow.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			tell(w, "No token: "+err.Error(), answer{err: err})
			return
		}
		tell(w, "Logged in. This page can be closed.", answer{token: token})
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // until it is shut down below
	defer func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_ = server.Shutdown(ctx) // lets the page arrive
	}()
	link := flow.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
	a.say("to log in, open %s", link)
	if err := a.browse(link); err != nil {
		a.say("(no browser could be opened here: %v)", err)
	}
	select {
	case got := <-answers:
		return got.token, got.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("nobody logged in within %s", a.conf.LoginTimeout)
		}
		return nil, ctx.Err()
	}
}

// openBrowser opens a link as the desktop does.
func openBrowser(link string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", link).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", link).Start()
	}
	return exec.Command("xdg-open", link).Start()
}
