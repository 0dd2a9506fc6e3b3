// Package web sends HTTP requests to the servers that the operator allows. The
// world in wit/world.wit has to import wasi:http/outgoing-handler@0.2.0.
package web

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"rustus/hook/internal/generated/wasi_http_outgoing_handler"
	"rustus/hook/internal/generated/wasi_http_types"
	"rustus/hook/internal/generated/wasi_io_streams"
	"rustus/hook/internal/wit/runtime"
	"rustus/hook/internal/wit/types"
)

// chunk is what one write of wasi:io takes.
const chunk = 4096

// Post sends a body and returns the answer's status and body. Redirects are not
// followed.
func Post(address string, headers map[string]string, body []byte) (int, []byte, error) {
	request, err := requestTo(address, headers, len(body))
	if err != nil {
		return 0, nil, err
	}
	content := request.Body()
	if content.Tag() == types.ResultErr {
		return 0, nil, errors.New("the request takes no body")
	}
	coming := wasi_http_outgoing_handler.Handle(request, types.None[*wasi_http_types.RequestOptions]())
	if coming.Tag() == types.ResultErr {
		return 0, nil, said(coming.Err())
	}
	send(content.Ok(), body)
	return read(coming.Ok())
}

func requestTo(address string, headers map[string]string, length int) (*wasi_http_types.OutgoingRequest, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	fields := wasi_http_types.MakeFields()
	if fields.Append("content-length", []byte(strconv.Itoa(length))).Tag() == types.ResultErr {
		return nil, errors.New("content-length is refused")
	}
	for name, value := range headers {
		if fields.Append(name, []byte(value)).Tag() == types.ResultErr {
			return nil, fmt.Errorf("the header field %s is refused", name)
		}
	}
	scheme := wasi_http_types.MakeSchemeHttp()
	if target.Scheme == "https" {
		scheme = wasi_http_types.MakeSchemeHttps()
	}
	request := wasi_http_types.MakeOutgoingRequest(fields)
	for _, set := range []types.Result[types.Unit, types.Unit]{
		request.SetMethod(wasi_http_types.MakeMethodPost()),
		request.SetScheme(types.Some(scheme)),
		request.SetAuthority(types.Some(target.Host)),
		request.SetPathWithQuery(types.Some(target.RequestURI())),
	} {
		if set.Tag() == types.ResultErr {
			return nil, errors.New("the URL is refused")
		}
	}
	return request, nil
}

// send breaks off where it can't go on: the answer says why.
func send(content *wasi_http_types.OutgoingBody, body []byte) {
	opened := content.Write()
	if opened.Tag() == types.ResultErr {
		content.Drop()
		return
	}
	stream := opened.Ok()
	for len(body) > 0 {
		part := body[:min(chunk, len(body))]
		if stream.BlockingWriteAndFlush(part).Tag() == types.ResultErr {
			stream.Drop()
			content.Drop()
			return
		}
		body = body[len(part):]
	}
	// A stream is a child of the body, and goes first.
	stream.Drop()
	wasi_http_types.OutgoingBodyFinish(content, types.None[*wasi_http_types.Fields]())
}

func read(coming *wasi_http_types.FutureIncomingResponse) (int, []byte, error) {
	ready := coming.Subscribe()
	ready.Block()
	ready.Drop()
	got := coming.Get()
	if got.Tag() == types.OptionNone || got.Some().Tag() == types.ResultErr {
		return 0, nil, errors.New("there is no answer")
	}
	answered := got.Some().Ok()
	coming.Drop()
	if answered.Tag() == types.ResultErr {
		return 0, nil, said(answered.Err())
	}
	response := answered.Ok()
	defer response.Drop()
	status := int(response.Status())
	content := response.Consume()
	if content.Tag() == types.ResultErr {
		return status, nil, errors.New("the answer has no body")
	}
	defer content.Ok().Drop()
	opened := content.Ok().Stream()
	if opened.Tag() == types.ResultErr {
		return status, nil, errors.New("the answer has no body")
	}
	stream := opened.Ok()
	defer stream.Drop()
	var body []byte
	for {
		// A long body needs room more than once in a call.
		runtime.Unpin()
		part := stream.BlockingRead(64 * 1024)
		if part.Tag() == types.ResultOk {
			body = append(body, part.Ok()...)
			continue
		}
		if part.Err().Tag() == wasi_io_streams.StreamErrorClosed {
			return status, body, nil
		}
		return status, body, errors.New("the answer broke off")
	}
}

func said(code wasi_http_types.ErrorCode) error {
	switch code.Tag() {
	case wasi_http_types.ErrorCodeHttpRequestDenied:
		return errors.New("the request is not allowed by NAME.toml")
	case wasi_http_types.ErrorCodeConnectionRefused:
		return errors.New("the connection was refused")
	}
	return fmt.Errorf("there is no answer (code %d of wasi:http)", code.Tag())
}
