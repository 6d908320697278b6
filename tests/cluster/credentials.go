package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// newCredentialsCommand writes what the other parts identify themselves with: a key for service accounts, a
// table of tokens, and one kubeconfig a user. Everything is made anew, and nothing is worth stealing: the
// cluster listens on the loopback and goes when its test ends.
func newCredentialsCommand() *cobra.Command {
	var folder, server string
	command := &cobra.Command{
		Use:          "credentials USER[=GROUP]…",
		SilenceUsage: true,
		RunE: func(_ *cobra.Command, users []string) error {
			if err := writeServiceAccountKey(filepath.Join(folder, "service-accounts.key")); err != nil {
				return err
			}
			var table string
			for _, user := range users {
				name, group, _ := strings.Cut(user, "=")
				token := rand.Text()
				table += fmt.Sprintf("%s,%s,%s,%q\n", token, name, name, group)
				if err := writeKubeconfig(filepath.Join(folder, name+".kubeconfig"), server, name, token); err != nil {
					return err
				}
			}
			return os.WriteFile(filepath.Join(folder, "tokens.csv"), []byte(table), 0o600)
		},
	}
	command.Flags().StringVar(&folder, "folder", "", "where to write")
	command.Flags().StringVar(&server, "server", "", "the API server's address")
	return command
}

func writeServiceAccountKey(path string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(&block), 0o600)
}

func writeKubeconfig(path, server, user, token string) error {
	config := api.NewConfig()
	// The server signs its certificate itself when it starts, so nobody can know it before.
	config.Clusters["test"] = &api.Cluster{Server: server, InsecureSkipTLSVerify: true}
	config.AuthInfos[user] = &api.AuthInfo{Token: token}
	config.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: user, Namespace: "default"}
	config.CurrentContext = "test"
	return clientcmd.WriteToFile(*config, path)
}
