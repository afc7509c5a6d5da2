// What Prometheus' own discovery makes of a cluster's pods.
//
// usage: judge CONFIGURATION (kubernetes_sd_config, YAML); prints its targets as a list of JSON
// objects once nothing has changed for a second.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"gopkg.in/yaml.v2"
)

const quiet = time.Second

func configured(path string) *kubernetes.Discovery {
	var conf kubernetes.SDConfig
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.UnmarshalStrict(text, &conf)
	}
	if err != nil {
		log.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	metrics := conf.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	found, err := kubernetes.New(nil, metrics, &conf)
	if err != nil {
		log.Fatal(err)
	}
	return found
}

func collected(updates <-chan []*targetgroup.Group) map[string]*targetgroup.Group {
	groups := map[string]*targetgroup.Group{}
	for {
		select {
		case changed := <-updates:
			for _, group := range changed {
				groups[group.Source] = group
			}
		case <-time.After(quiet):
			return groups
		}
	}
}

func main() {
	updates := make(chan []*targetgroup.Group)
	targets := []model.LabelSet{}
	go configured(os.Args[1]).Run(context.Background(), updates)
	for _, group := range collected(updates) {
		for _, target := range group.Targets {
			targets = append(targets, group.Labels.Merge(target))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(targets); err != nil {
		log.Fatal(err)
	}
}
