package node_test

import "github.com/picloud/picloud/runtime/rdf"

// anything matches every quad.
var anything rdf.IDQuad
