package main

import (
	"errors"
	"net/url"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// newEtcdCommand runs etcd with nothing configured but where it keeps its data and which ports it takes.
func newEtcdCommand() *cobra.Command {
	var folder, client, peer string
	command := &cobra.Command{
		Use:          "etcd",
		SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			listenClient, err := url.Parse(client)
			if err != nil {
				return err
			}
			listenPeer, err := url.Parse(peer)
			if err != nil {
				return err
			}
			config := embed.NewConfig()
			config.Dir = folder
			config.LogLevel = "error"
			config.ListenClientUrls = []url.URL{*listenClient}
			config.AdvertiseClientUrls = config.ListenClientUrls
			config.ListenPeerUrls = []url.URL{*listenPeer}
			config.AdvertisePeerUrls = config.ListenPeerUrls
			config.InitialCluster = config.InitialClusterFromName(config.Name)
			// Nothing outlives a test, so nothing has to reach the disk.
			config.UnsafeNoFsync = true
			running, err := embed.StartEtcd(config)
			if err != nil {
				return err
			}
			select {
			case <-running.Server.StopNotify():
				return errors.New("etcd stopped by itself")
			case err := <-running.Err():
				return err
			case <-command.Context().Done():
				running.Close()
				return nil
			}
		},
	}
	command.Flags().StringVar(&folder, "data-dir", "", "where it keeps its data")
	command.Flags().StringVar(&client, "listen-client", "", "address for clients")
	command.Flags().StringVar(&peer, "listen-peer", "", "address for other members, of which there are none")
	return command
}
