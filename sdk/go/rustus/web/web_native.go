//go:build !wasm

// Package web sends HTTP requests to the servers that the operator allows.
package web

import (
	"bytes"
	"io"
	"net/http"
)

// Post sends a body and returns the answer's status and body.
func Post(address string, headers map[string]string, body []byte) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return response.StatusCode, read, err
}
