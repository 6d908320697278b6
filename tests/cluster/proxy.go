package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// newProxyCommand stands between a client and the API server. It logs every request, and from the one numbered
// `--from` on it interferes: it cuts the line, answers with a status of its own, or keeps the client waiting.
func newProxyCommand() *cobra.Command {
	var path, write, log string
	var from, count, status int64
	var afterwards, hold bool
	command := &cobra.Command{
		Use:          "proxy",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", path)
			if err != nil {
				return err
			}
			server, err := url.Parse(config.Host)
			if err != nil {
				return err
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			lines, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer lines.Close()
			forward := httputil.NewSingleHostReverseProxy(server)
			forward.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			// What is watched has to come through at once.
			forward.FlushInterval = -1
			var seen atomic.Int64
			handler := http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				number := seen.Add(1)
				interferes := number >= from && number < from+count
				if interferes && afterwards {
					// The server does what was asked, and nobody hears of it.
					forward.ServeHTTP(&deaf{header: http.Header{}}, request)
				}
				fmt.Fprintf(lines, "%d %s %s\n", number, request.Method, request.URL.RequestURI())
				if !interferes {
					forward.ServeHTTP(writer, request)
					return
				}
				if hold {
					<-request.Context().Done()
				}
				if status != 0 {
					writer.Header().Set("Retry-After", "1")
					http.Error(writer, "interfered", int(status))
					return
				}
				panic(http.ErrAbortHandler)
			})
			kubeconfig := api.NewConfig()
			kubeconfig.Clusters["test"] = &api.Cluster{Server: "http://" + listener.Addr().String()}
			kubeconfig.AuthInfos["proxied"] = &api.AuthInfo{Token: config.BearerToken}
			kubeconfig.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "proxied", Namespace: "default"}
			kubeconfig.CurrentContext = "test"
			if err := clientcmd.WriteToFile(*kubeconfig, write); err != nil {
				return err
			}
			stopped := make(chan error, 1)
			go func() { stopped <- http.Serve(listener, handler) }()
			select {
			case err := <-stopped:
				return err
			case <-command.Context().Done():
				return nil
			}
		},
	}
	flags := command.Flags()
	flags.StringVar(&path, "kubeconfig", "", "how to reach the API server")
	flags.StringVar(&write, "write-kubeconfig", "", "how to reach this proxy, written when it listens")
	flags.StringVar(&log, "log", os.DevNull, "a file for requests, one a line")
	flags.Int64Var(&from, "from", 1<<62, "the first request it interferes with, from 1")
	flags.Int64Var(&count, "count", 1<<61, "how many it interferes with")
	flags.Int64Var(&status, "status", 0, "the status it answers with; 0 cuts the line")
	flags.BoolVar(&hold, "hold", false, "neither answers nor cuts the line, until the client is gone")
	flags.BoolVar(&afterwards, "afterwards", false, "the server sees the request all the same")
	return command
}

// deaf is where an answer goes that nobody hears.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header             { return d.header }
func (d *deaf) Write(bytes []byte) (int, error) { return len(bytes), nil }
func (d *deaf) WriteHeader(int)                 {}
